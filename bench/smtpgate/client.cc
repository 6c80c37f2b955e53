// SPDX-License-Identifier: Apache-2.0
#include "bench/smtpgate/client.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace bench {
namespace {

constexpr std::string_view kHello = "EHLO client.example\r\n";

const std::string& message() {
  static const std::string text = [] {
    std::string body = "From: <sender@example.org>\r\nSubject: a kilobyte\r\n\r\n";
    while (body.size() < 1024) body += "The quick brown fox jumps over the lazy dog.\r\n";
    return body + ".\r\n";
  }();
  return text;
}

bool is_spammer(Kind kind) {
  return kind == Kind::kPregreet || kind == Kind::kListed;
}

}  // namespace

hf::IpAddress source_address(Kind kind, uint32_t index) {
  constexpr uint32_t kMask = (1u << 20) - 1;
  const uint32_t net = static_cast<uint32_t>(kind == Kind::kMail ? Kind::kGood : kind);
  // An odd factor permutes the 2^20 addresses.
  return hf::IpAddress::v4((11u << 24) | (net << 20) | ((index * 0x9E375u) & kMask));
}

std::string_view name_of(Outcome::End end) {
  switch (end) {
    case Outcome::End::kPassed: return "passed";
    case Outcome::End::kDelivered: return "delivered";
    case Outcome::End::kRefused: return "refused";
    case Outcome::End::kLeft: return "left";
    case Outcome::End::kHeld: return "held";
    case Outcome::End::kClosed: return "closed";
    case Outcome::End::kTimedOut: return "timed-out";
    case Outcome::End::kUnreachable: return "unreachable";
    case Outcome::End::kUnfinished: return "unfinished";
  }
  return "?";
}

hf::Result<Client> Client::connect(Kind kind, const hf::Endpoint& server,
                                   const hf::IpAddress& source, std::string_view recipient,
                                   uint64_t now_us) {
  sockaddr_storage to{}, from{};
  const socklen_t to_size = server.to_sockaddr(to);
  const socklen_t from_size = hf::Endpoint{source, 0}.to_sockaddr(from);
  Client client;
  client.kind_ = kind;
  client.began_us_ = now_us;
  client.recipient_ = recipient;
  client.fd_ = hf::Fd(::socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!client.fd_) return hf::fail(hf::sys_error("socket"));
  // The port is chosen at connect(), by the whole four-tuple: 53,000 sources never run out.
  const int on = 1;
  ::setsockopt(client.fd(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (::bind(client.fd(), reinterpret_cast<const sockaddr*>(&from), from_size) != 0)
    return hf::fail(hf::sys_error("bind to " + source.to_string()));
  if (::connect(client.fd(), reinterpret_cast<const sockaddr*>(&to), to_size) != 0 &&
      errno != EINPROGRESS)
    return hf::fail(hf::sys_error("connect to " + server.to_string()));
  return client;
}

bool Client::on_ready(uint32_t events, uint64_t now_us) {
  if (stage_ == Stage::kConnecting) {
    if (events & EPOLLERR) {
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size);
      return decide(error == ECONNRESET ? Outcome::End::kClosed : Outcome::End::kUnreachable, 0);
    }
    if (!(events & EPOLLOUT)) return false;
    if (start()) return true;
  }
  return (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) && read_replies(now_us);
}

bool Client::start() {
  stage_ = Stage::kGreeting;
  if (kind_ == Kind::kPregreet) return say(kHello, Stage::kGreeting);
  if (kind_ != Kind::kHangup) return false;
  const linger reset{1, 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  return decide(Outcome::End::kLeft, 0);
}

bool Client::read_replies(uint64_t now_us) {
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::recv(fd(), buffer, sizeof buffer, 0);
    if (size < 0 && errno == EAGAIN) return false;
    if (size <= 0) {
      return decide(Outcome::End::kClosed, 0);
    }
    for (const char c : std::string_view(buffer, static_cast<size_t>(size))) {
      if (c == '\n') {
        const bool reply_ends = last_line_;
        const int code = std::exchange(code_, 0);
        column_ = 0;
        last_line_ = false;
        if (reply_ends && on_reply(code, now_us)) return true;
      } else if (column_ < 3) {
        code_ = code_ * 10 + (c - '0');
        ++column_;
      } else if (column_ == 3) {
        last_line_ = c != '-';
        ++column_;
      }
    }
  }
}

bool Client::on_reply(int code, uint64_t now_us) {
  if (stage_ == Stage::kGreeting && code == 220)
    outcome_.greeting_ms = static_cast<float>(now_us - began_us_) / 1000;
  if (stage_ == Stage::kQuit) return true;
  if (kind_ == Kind::kIdle) return false;
  if (code >= 400 || code < 200) return decide(Outcome::End::kRefused, code);
  switch (stage_) {
    case Stage::kGreeting:
      if (code == 220) return say(kind_ == Kind::kPregreet ? "" : kHello, Stage::kEhlo);
      [[fallthrough]];  // a server that answers an early EHLO and never ends its greeting
    case Stage::kEhlo:
      if (!is_spammer(kind_) && kind_ != Kind::kMail) return decide(Outcome::End::kPassed, 0);
      return say("MAIL FROM:<sender@example.org>\r\n", Stage::kFrom);
    case Stage::kFrom: return say("RCPT TO:<" + std::string(recipient_) + ">\r\n", Stage::kTo);
    case Stage::kTo:
      if (is_spammer(kind_)) return decide(Outcome::End::kPassed, 0);
      return say("DATA\r\n", Stage::kData);
    case Stage::kData: return say(message(), Stage::kBody);
    case Stage::kBody: return decide(Outcome::End::kDelivered, 0);
    case Stage::kConnecting:
    case Stage::kQuit: break;
  }
  return true;
}

/// The verdict is in; says good-bye where there is a conversation to end.
bool Client::decide(Outcome::End end, int code) {
  if (decided_) return true;
  decided_ = true;
  outcome_.end = end;
  outcome_.code = code;
  const bool talking = end == Outcome::End::kPassed || end == Outcome::End::kDelivered ||
                       end == Outcome::End::kRefused;
  return talking ? say("QUIT\r\n", Stage::kQuit) : true;
}

bool Client::say(std::string_view text, Stage next) {
  stage_ = next;
  if (text.empty() ||
      ::send(fd(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()))
    return false;
  return decide(Outcome::End::kClosed, 0);
}

void Client::abort(Outcome::End end) {
  if (!decided_) outcome_.end = end;
  const linger reset{1, 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

}  // namespace bench
