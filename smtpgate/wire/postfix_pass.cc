// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/postfix_pass.h"

#include <span>

#include <fmt/format.h>

#include "base/os/process.h"

namespace smtpgate {

std::string make_pass_message(const hf::Endpoint& client, const hf::Endpoint& server) {
  std::string out(1, '\0');
  auto append = [&out](std::string_view name, std::string_view value) {
    out.append(name).push_back('\0');
    out.append(value).push_back('\0');
  };
  append("client_address", client.ip.to_string());
  append("client_port", fmt::format("{}", client.port));
  append("server_address", server.ip.to_string());
  append("server_port", fmt::format("{}", server.port));
  out.push_back('\0');
  return out;
}

hf::Result<void> send_pass_message(int service_fd, int client_fd, const std::string& message) {
  return hf::send_with_fd(service_fd, std::as_bytes(std::span(message)), client_fd);
}

}  // namespace smtpgate
