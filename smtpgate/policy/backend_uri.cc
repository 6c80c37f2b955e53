// SPDX-License-Identifier: Apache-2.0
#include <sys/un.h>

#include <array>
#include <utility>

#include <fmt/format.h>

#include "smtpgate/policy/config.h"

namespace smtpgate {
namespace {

using Kind = BackendUri::Kind;

constexpr std::array<std::pair<Kind, std::string_view>, 5> kKinds{{
    {Kind::kPostfixPass, "postfix-pass"},
    {Kind::kProxyV2, "proxy-v2"},
    {Kind::kProxyV1, "proxy-v1"},
    {Kind::kXclient, "xclient"},
    {Kind::kPlain, "plain"},
}};
constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;

}  // namespace

std::string_view name_of(BackendUri::Kind kind) {
  for (const auto& [each, name] : kKinds)
    if (each == kind) return name;
  return "unknown";
}

hf::Result<BackendUri> BackendUri::parse(std::string_view text) {
  const std::string shown = hf::printable(text, 120);
  const std::string_view scheme = text.substr(0, text.find(':'));
  for (const auto& [kind, name] : kKinds) {
    if (name != scheme || scheme.size() == text.size()) continue;
    BackendUri out;
    out.kind = kind;
    out.text = text;
    const std::string_view place = text.substr(scheme.size() + 1);
    if (place.starts_with('/')) {
      if (place.size() > kMaxSocketPath || place.find('\0') != std::string_view::npos)
        return hf::fail(fmt::format("\"{}\": a socket's path has at most {} characters", shown,
                                    kMaxSocketPath));
      out.path = place;
      return out;
    }
    if (kind == Kind::kPostfixPass)
      return hf::fail(
          fmt::format("\"{}\": give the absolute path of Postfix's pass socket, such as "
                      "postfix-pass:/var/spool/postfix/private/smtpd",
                      shown));
    constexpr std::string_view kLocalhost = "localhost:";
    HF_TRY_ASSIGN(
        out.endpoint,
        hf::Endpoint::parse(place.starts_with(kLocalhost)
                                ? fmt::format("127.0.0.1:{}", place.substr(kLocalhost.size()))
                                : std::string(place)));
    if (out.endpoint.port == 0) return hf::fail(fmt::format("\"{}\": port 0 is no port", shown));
    return out;
  }
  return hf::fail(
      fmt::format("\"{}\" is not a backend: write postfix-pass:PATH, or proxy-v2, "
                  "proxy-v1, xclient or plain with :HOST:PORT or :PATH",
                  shown));
}

}  // namespace smtpgate
