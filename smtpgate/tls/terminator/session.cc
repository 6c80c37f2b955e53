// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/terminator/session.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/os/log.h"
#include "smtpgate/tls/terminator/tls_error.h"

namespace smtpgate {
namespace {

constexpr size_t kChunk = SSL3_RT_MAX_PLAIN_LENGTH;  // a whole record, so that OpenSSL keeps none
constexpr int kBurst = 16;  // records of one client before others have their turn

bool would_block() {
  return errno == EAGAIN || errno == EINTR;
}

void make_nonblocking(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

Session::Session(hf::Loop& loop, SSL_CTX& context, SessionRequest request, Ended ended)
    : loop_(loop),
      id_(std::move(request.id)),
      ended_(std::move(ended)),
      ssl_(SSL_new(&context), SSL_free) {
  client_.session = plain_.session = this;
  client_.fd = std::move(request.client);
  plain_.fd = std::move(request.plain);
  HF_CHECK(ssl_ && SSL_set_fd(ssl_.get(), client_.fd.get()) == 1, "out of memory");
  SSL_set_accept_state(ssl_.get());
}

Session::~Session() {
  for (Side* side : {&client_, &plain_}) loop_.forget(side);  // both are closed next
}

void Session::start() {
  for (Side* side : {&client_, &plain_}) {
    make_nonblocking(side->fd.get());
    if (auto watched = loop_.watch(side->fd.get(), 0, side); !watched) {
      log_failure(watched.error().message);
      return finish();
    }
  }
  since_ms_ = loop_.now_ms();
  loop_.set_timer(*this, since_ms_ + limit_ms());
  advance();
}

void Session::Side::on_ready(uint32_t events) {
  session->side_ready(*this, events);
}

void Session::side_ready(Side& side, uint32_t events) {
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    // epoll would repeat that without end; what is left to read comes to its end without it.
    side.hung_up = true;
    loop_.unwatch(side.fd.get(), &side);
  }
  if (established_ && !lingering_) since_ms_ = loop_.now_ms();
  if (!established_ && plain_.hung_up) return finish();  // the gate has given up
  advance();
}

void Session::advance() {
  tls_waits_for_ = 0;
  if (!established_ && shake_hands() == Flow::kBroken) return finish();
  if (established_ && exchange() == Flow::kBroken) return finish();
  if (in_.closed && out_.closed) return finish();
  update_interest();
}

Session::Flow Session::shake_hands() {
  ERR_clear_error();
  const int result = SSL_accept(ssl_.get());
  if (result == 1) {
    const auto record = encode({SSL_get_version(ssl_.get()), SSL_get_cipher_name(ssl_.get())});
    in_.unsent.assign(reinterpret_cast<const char*>(record.data()), record.size());
    established_ = true;
    since_ms_ = loop_.now_ms();
    return Flow::kMoved;
  }
  const int sys = errno;
  switch (flow_of(result)) {
    case Flow::kBlocked: return Flow::kBlocked;
    case Flow::kEnded: log_failure("the client closed the connection"); break;
    default:
      log_failure(ERR_peek_error() != 0 ? tls_error() : std::string(std::strerror(sys)));
      break;
  }
  return Flow::kBroken;
}

Session::Flow Session::exchange() {
  if (pump(
          in_, client_, [this](auto buffer) { return read_tls(buffer); },
          [this](auto bytes) { return write_plain(bytes); }) == Flow::kBroken ||
      pump(
          out_, plain_, [this](auto buffer) { return read_plain(buffer); },
          [this](auto bytes) { return write_tls(bytes); }) == Flow::kBroken)
    return Flow::kBroken;
  if (in_.ended && in_.unsent.empty() && !in_.closed) close_plain();
  if (out_.ended && out_.unsent.empty() && !out_.closed) close_tls();
  if (plain_.hung_up && out_.closed && !lingering_) {
    lingering_ = true;
    since_ms_ = loop_.now_ms();
    loop_.set_timer(*this, since_ms_ + limit_ms());
  }
  return Flow::kMoved;
}

template <class Read, class Write>
Session::Flow Session::pump(Direction& direction, const Side& source, Read read, Write write) {
  char buffer[kChunk];
  // Nothing will call again for a source that hung up, and what it left is limited.
  for (int i = 0; i < kBurst || source.hung_up; ++i) {
    std::string_view bytes = direction.unsent;
    if (bytes.empty()) {
      if (direction.ended) return Flow::kEnded;
      const Step got = read(std::span(buffer));
      direction.ended = got.flow == Flow::kEnded;
      if (got.flow != Flow::kMoved) return got.flow;
      bytes = {buffer, got.bytes};
    }
    const Step put = write(bytes);
    if (put.flow == Flow::kBroken) return put.flow;
    direction.unsent = std::string(bytes.substr(put.bytes));
    if (put.flow == Flow::kBlocked) return put.flow;
  }
  return Flow::kMoved;
}

void Session::close_plain() {
  ::shutdown(plain_.fd.get(), SHUT_WR);
  in_.closed = true;
}

void Session::close_tls() {
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  if (result < 0 && flow_of(result) == Flow::kBlocked) return;
  ::shutdown(client_.fd.get(), SHUT_WR);  // also where the client is gone and heard no goodbye
  out_.closed = true;
}

Session::Step Session::read_tls(std::span<char> buffer) {
  ERR_clear_error();
  const int n = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
  if (n > 0) return {Flow::kMoved, static_cast<size_t>(n)};
  const Flow flow = flow_of(n);
  if (flow == Flow::kBroken && ERR_peek_error() != 0) log_failure(tls_error());
  return {flow};
}

Session::Step Session::write_tls(std::string_view bytes) {
  ERR_clear_error();
  const int n = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  if (n > 0) return {Flow::kMoved, static_cast<size_t>(n)};
  const Flow flow = flow_of(n);
  return {flow == Flow::kEnded ? Flow::kBroken : flow};
}

Session::Step Session::read_plain(std::span<char> buffer) {
  const ssize_t n = ::recv(plain_.fd.get(), buffer.data(), buffer.size(), 0);
  if (n > 0) return {Flow::kMoved, static_cast<size_t>(n)};
  // A reset is how a socketpair tells that the gate closed it before it had read all.
  if (n == 0 || errno == ECONNRESET) return {Flow::kEnded};
  return {would_block() ? Flow::kBlocked : Flow::kBroken};
}

Session::Step Session::write_plain(std::string_view bytes) {
  const ssize_t n = ::send(plain_.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (n >= 0) return {Flow::kMoved, static_cast<size_t>(n)};
  if (would_block()) return {Flow::kBlocked};
  return {Flow::kMoved, bytes.size()};  // nobody reads it any more
}

Session::Flow Session::flow_of(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: tls_waits_for_ |= EPOLLIN; return Flow::kBlocked;
    case SSL_ERROR_WANT_WRITE: tls_waits_for_ |= EPOLLOUT; return Flow::kBlocked;
    case SSL_ERROR_ZERO_RETURN: return Flow::kEnded;
    default: return Flow::kBroken;
  }
}

void Session::update_interest() {
  auto set = [this](Side& side, uint32_t interest) {
    if (side.hung_up || side.interest == interest) return;
    side.interest = interest;
    loop_.rewatch(side.fd.get(), interest, &side);
  };
  uint32_t client = tls_waits_for_, plain = 0;
  if (established_) {
    // Said again for a burst that ended where OpenSSL waited for nothing.
    if (in_.unsent.empty() && !in_.ended) client |= EPOLLIN;
    if (!out_.unsent.empty()) client |= EPOLLOUT;
    if (out_.unsent.empty() && !out_.ended) plain |= EPOLLIN;
    if (!in_.unsent.empty()) plain |= EPOLLOUT;
  }
  set(client_, client);
  set(plain_, plain);
}

uint64_t Session::limit_ms() const {
  if (!established_) return kHandshakeMs;
  return lingering_ ? kLingerMs : kIdleMs;
}

void Session::on_timer() {
  const uint64_t deadline_ms = since_ms_ + limit_ms();
  if (loop_.now_ms() < deadline_ms) return loop_.set_timer(*this, deadline_ms);
  if (!established_) log_failure(fmt::format("not done after {} s", kHandshakeMs / 1000));
  finish();
}

void Session::log_failure(std::string_view reason) const {
  hf::log_info("{} TLS {}: {}", id_, established_ ? "session broke" : "handshake failed", reason);
}

void Session::finish() {
  const Ended ended = std::move(ended_);  // it outlives this session
  ended(*this);
}

}  // namespace smtpgate
