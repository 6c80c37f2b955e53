// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/channel.h"

#include <cstring>
#include <span>

#include <fmt/format.h>

#include "base/os/process.h"

namespace smtpgate {

hf::Result<hf::Fd> MasterChannel::ask(const MasterRequest& request) {
  const std::lock_guard lock(mutex_);
  HF_TRY(hf::send_with_fd(socket_.get(), std::as_bytes(std::span(&request, 1)), -1));
  int32_t sys = 0;
  HF_TRY_ASSIGN(hf::ReceivedMessage answer,
                hf::receive_with_fd(socket_.get(), std::as_writable_bytes(std::span(&sys, 1))));
  if (answer.size != sizeof sys) return hf::fail("the master process is gone");
  if (sys != 0) return hf::fail(hf::sys_error("master", sys));
  return std::move(answer.fd);
}

hf::Result<hf::Fd> MasterChannel::ask_path(MasterRequest::Kind kind, const std::string& path) {
  MasterRequest request{.kind = kind};
  if (path.size() >= sizeof request.path) return hf::fail(fmt::format("{}: path too long", path));
  std::memcpy(request.path, path.data(), path.size());
  auto fd = ask(request);
  if (!fd) return hf::fail(hf::sys_error(path, fd.error().sys));
  return fd;
}

hf::Result<hf::Fd> MasterChannel::listen(const hf::Endpoint& endpoint, uint32_t slot) {
  MasterRequest request{.kind = MasterRequest::Kind::kListen, .slot = slot};
  endpoint.to_sockaddr(request.address);
  auto fd = ask(request);
  if (!fd)
    return hf::fail(hf::sys_error(fmt::format("listening on {}", endpoint.to_string()),
                                  fd.error().sys));
  return fd;
}

hf::Result<hf::Fd> MasterChannel::directory(const std::string& path) {
  return ask_path(MasterRequest::Kind::kDirectory, path);
}
hf::Result<hf::Fd> MasterChannel::log_file(const std::string& path) {
  return ask_path(MasterRequest::Kind::kLogFile, path);
}
hf::Result<hf::Fd> MasterChannel::file(const std::string& path) {
  return ask_path(MasterRequest::Kind::kFile, path);
}
hf::Result<hf::Fd> MasterChannel::door(const std::string& path) {
  return ask_path(MasterRequest::Kind::kDoor, path);
}
hf::Result<hf::Fd> MasterChannel::connect(const std::string& path) {
  return ask_path(MasterRequest::Kind::kConnect, path);
}
hf::Result<hf::Fd> MasterChannel::tls(const std::string& files) {
  return ask_path(MasterRequest::Kind::kTls, files);
}

hf::Result<void> MasterChannel::seal() {
  HF_TRY(ask({.kind = MasterRequest::Kind::kSeal}));
  return {};
}

hf::Result<void> MasterChannel::ready() {
  HF_TRY(ask({.kind = MasterRequest::Kind::kReady}));
  return {};
}

}  // namespace smtpgate
