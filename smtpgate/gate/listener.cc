// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/listener.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "smtpgate/gate/worker.h"

namespace smtpgate {
namespace {

constexpr int kAcceptBatch = 64;         // connections taken before others get a turn
constexpr uint64_t kAcceptPauseMs = 50;  // after a failure that would only repeat

hf::Endpoint own_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return hf::Endpoint::from_sockaddr(address);
}

}  // namespace

Listener::Listener(Worker& worker, hf::Fd fd)
    : worker_(worker),
      fd_(std::move(fd)),
      address_(own_address(fd_.get())),
      wildcard_(address_.ip == hf::IpAddress() || address_.ip == hf::IpAddress::v4(0)),
      accepted_(
          worker.shared().metrics.connections(address_.ip.is_v4(), address_.to_string())) {
  keep_reserve();
}

Listener::~Listener() { worker_.loop().unwatch(fd_.get(), this); }

hf::Result<void> Listener::watch() {
  return worker_.loop().watch(fd_.get(), EPOLLIN | EPOLLEXCLUSIVE, this);
}

void Listener::on_ready(uint32_t) {
  for (int i = 0; i < kAcceptBatch; ++i)
    if (!accept_one()) return;
}

bool Listener::accept_one() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  hf::Fd client(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                          SOCK_CLOEXEC));
  bool out_of_descriptors = false;
  if (!client) {
    if (errno == EAGAIN) return false;
    if (errno == ECONNABORTED || errno == EINTR) return true;
    worker_.shared().metrics.accept_error(errno).Increment();
    if (errno != EMFILE && errno != ENFILE) return pause();
    reserve_.reset();
    size = sizeof peer;
    client = hf::Fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                              SOCK_CLOEXEC));
    if (!client) return pause();
    out_of_descriptors = true;
  }
  accepted_.Increment();
  const hf::Endpoint server = wildcard_ ? own_address(client.get()) : address_;
  worker_.accept(std::move(client), hf::Endpoint::from_sockaddr(peer), server,
                 out_of_descriptors);
  if (out_of_descriptors) keep_reserve();
  return true;
}

bool Listener::pause() {
  keep_reserve();
  worker_.loop().unwatch(fd_.get(), this);
  worker_.loop().set_timer(*this, worker_.loop().now_ms() + kAcceptPauseMs);
  return false;
}

void Listener::on_timer() { [[maybe_unused]] const auto watching = watch(); }

void Listener::keep_reserve() {
  if (!reserve_) reserve_ = hf::Fd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
}

}  // namespace smtpgate
