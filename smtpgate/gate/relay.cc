// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/relay.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "smtpgate/gate/worker.h"

namespace smtpgate {
namespace {

constexpr size_t kChunk = 16 * 1024;
constexpr size_t kSpliceChunk = 64 * 1024;
constexpr uint64_t kAfterServerMs = 30'000;  // for a client to close, once the server has

bool would_block() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

Relay::Relay(Worker& worker, std::unique_ptr<Connection> connection, hf::Fd server,
             std::string first)
    : Stage(worker, std::move(connection)), server_(std::move(server)) {
  const int fds[2] = {this->connection().fd.get(), server_.get()};
  for (size_t i = 0; i < 2; ++i) {
    sides_[i].relay = this;
    sides_[i].fd = fds[i];
  }
  directions_[1].unsent = std::move(first);
  worker.shared().metrics.relaying.Increment();
}

Relay::~Relay() { worker().shared().metrics.relaying.Decrement(); }

void Relay::Side::on_ready(uint32_t events) { relay->side_ready(*this, events); }

void Relay::start() {
  // splice(2) looks at the descriptor's mode only.
  ::fcntl(sides_[0].fd, F_SETFL, ::fcntl(sides_[0].fd, F_GETFL) | O_NONBLOCK);
  for (Side& side : sides_)
    if (!loop().watch(side.fd, side.interest = EPOLLIN, &side)) return finish();
  active_ms_ = loop().now_ms();
  loop().set_timer(*this, active_ms_ + patience_ms());
  if (pump(1) == Flow::kBroken) return finish();
  update_interest();
}

void Relay::side_ready(Side& side, uint32_t events) {
  active_ms_ = loop().now_ms();
  const int self = &side == &sides_[0] ? 0 : 1;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
    // Nothing can be told to it any more, and epoll would repeat that without end.
    side.hung_up = true;
    loop().unwatch(side.fd, &side);
    directions_[1 - self].closed = true;
  }
  const bool readable = (events & ~EPOLLOUT) != 0, writable = (events & EPOLLOUT) != 0;
  if (readable && pump(self) == Flow::kBroken) return finish();
  if (writable && pump(1 - self) == Flow::kBroken) return finish();
  if (directions_[0].closed && directions_[1].closed) return finish();
  update_interest();
}

Relay::Flow Relay::pump(int from) {
  Direction& d = directions_[from];
  const Flow flow = d.pipe_in ? splice(from) : copy(from);
  if (flow == Flow::kBlocked && d.ended && idle(d) && !d.closed) {
    ::shutdown(sides_[1 - from].fd, SHUT_WR);
    d.closed = true;
    loop().set_timer(*this, active_ms_ + patience_ms());
  }
  return flow;
}

uint64_t Relay::patience_ms() const {
  const auto idle = static_cast<uint64_t>(connection().config().backend.idle_timeout.count());
  return directions_[1].closed ? std::min(idle, kAfterServerMs) : idle;
}

Relay::Flow Relay::copy(int from) {
  Direction& d = directions_[from];
  const int source = sides_[from].fd, target = sides_[1 - from].fd;
  char buffer[kChunk];
  while (!d.closed) {
    std::string_view bytes = d.unsent;
    const bool fresh = bytes.empty();
    if (fresh) {
      if (d.ended) return Flow::kBlocked;
      if (d.moved >= kSpliceAfter) {
        begin_splicing(d);
        if (d.pipe_in) return splice(from);
      }
      const ssize_t n = ::recv(source, buffer, sizeof buffer, MSG_DONTWAIT);
      if (n < 0) return would_block() ? Flow::kBlocked : Flow::kBroken;
      if (n == 0) {
        d.ended = true;
        return Flow::kBlocked;
      }
      bytes = {buffer, static_cast<size_t>(n)};
    }
    const ssize_t n = ::send(target, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && !would_block()) return Flow::kBroken;
    const size_t sent = n < 0 ? 0 : static_cast<size_t>(n);
    d.moved += sent;
    const bool all = sent == bytes.size();
    d.unsent = std::string(bytes.substr(sent));
    if (!all) return Flow::kBlocked;
    // After a short read there is nothing more to read, or epoll will say so where it watches.
    if (fresh && bytes.size() < sizeof buffer && !sides_[from].hung_up) return Flow::kBlocked;
  }
  return Flow::kBlocked;
}

void Relay::begin_splicing(Direction& d) {
  int pipe[2];
  // Out of descriptors: copying goes on, and this is asked again with the next chunk.
  if (::pipe2(pipe, O_NONBLOCK | O_CLOEXEC) != 0) return;
  d.pipe_out = hf::Fd(pipe[0]);
  d.pipe_in = hf::Fd(pipe[1]);
}

Relay::Flow Relay::splice(int from) {
  Direction& d = directions_[from];
  const int source = sides_[from].fd, target = sides_[1 - from].fd;
  constexpr unsigned kFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
  while (!d.closed) {
    if (d.in_pipe == 0) {
      if (d.ended) return Flow::kBlocked;
      const ssize_t n = ::splice(source, nullptr, d.pipe_in.get(), nullptr, kSpliceChunk, kFlags);
      if (n < 0) return would_block() ? Flow::kBlocked : Flow::kBroken;
      if (n == 0) {
        d.ended = true;
        return Flow::kBlocked;
      }
      d.in_pipe = static_cast<size_t>(n);
    }
    const ssize_t n = ::splice(d.pipe_out.get(), nullptr, target, nullptr, d.in_pipe, kFlags);
    if (n < 0) return would_block() ? Flow::kBlocked : Flow::kBroken;
    d.in_pipe -= static_cast<size_t>(n);
    d.moved += static_cast<uint64_t>(n);
  }
  return Flow::kBlocked;
}

void Relay::update_interest() {
  for (size_t i = 0; i < 2; ++i) {
    Side& side = sides_[i];
    if (side.hung_up) continue;
    uint32_t interest = 0;
    if (!directions_[i].ended && idle(directions_[i])) interest |= EPOLLIN;
    if (!idle(directions_[1 - i])) interest |= EPOLLOUT;
    if (interest != side.interest) loop().rewatch(side.fd, side.interest = interest, &side);
  }
}

void Relay::on_timer() {
  if (loop().now_ms() >= active_ms_ + patience_ms()) return finish();
  loop().set_timer(*this, active_ms_ + patience_ms());
}

void Relay::on_shutdown() { finish(); }

void Relay::finish() {
  for (Side& side : sides_) loop().forget(&side);  // both are closed next
  Connection& c = connection();
  c.bytes_in = directions_[0].moved;
  c.bytes_out += directions_[1].moved;
  GateMetrics& metrics = worker().shared().metrics;
  metrics.relayed_in.Increment(static_cast<double>(directions_[0].moved));
  metrics.relayed_out.Increment(static_cast<double>(directions_[1].moved));
  worker().conclude(leave());
}

}  // namespace smtpgate
