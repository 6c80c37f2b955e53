// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/pass_stage.h"

#include <sys/epoll.h>

#include <cerrno>

#include "smtpgate/gate/handoff.h"
#include "smtpgate/gate/worker.h"
#include "smtpgate/wire/postfix_pass.h"

namespace smtpgate {
namespace {

constexpr uint64_t kRetryMs = 20;         // while the service is busy, or one of its processes just ended
constexpr uint64_t kUnwatchedMs = 1000;   // for a pick-up that epoll cannot tell us of

}  // namespace

PassStage::PassStage(Worker& worker, std::unique_ptr<Connection> connection,
                     std::shared_ptr<Backends> backends, size_t index)
    : Stage(worker, std::move(connection)),
      backends_(std::move(backends)),
      index_(index),
      started_ms_(worker.loop().now_ms()) {}

PassStage::~PassStage() {
  // Closing alone would not do: where the master connected for us, it may not yet have closed its
  // copy, and epoll keeps a socket for as long as any copy is open.
  if (service_) loop().unwatch(service_.get(), this);
}

void PassStage::start() { try_to_pass(); }

/// A connection to the service over which the descriptor has been sent.
hf::Result<hf::Fd> PassStage::send() {
  HF_TRY_ASSIGN(hf::Fd service, backend().connect(&worker().shared().master));
  const std::string message = make_pass_message(connection().peer, connection().server);
  HF_TRY(send_pass_message(service.get(), connection().fd.get(), message));
  return service;
}

void PassStage::try_to_pass() {
  const Config::Backend& config = connection().config().backend;
  auto service = send();
  if (!service) {
    const int sys = service.error().sys;
    const bool busy = sys == EAGAIN || sys == EPIPE || sys == ECONNRESET;
    const auto limit = static_cast<uint64_t>(config.connect_timeout.count());
    if (!busy || loop().now_ms() >= started_ms_ + limit) return fail();
    return loop().set_timer(*this, loop().now_ms() + kRetryMs);
  }
  connection().backend = name_of(backend().uri().kind);
  service_ = std::move(*service);
  const bool watching = loop().watch(service_.get(), EPOLLIN | EPOLLRDHUP, this).has_value();
  const uint64_t limit =
      watching ? static_cast<uint64_t>(config.pickup_timeout.count()) : kUnwatchedMs;
  loop().set_timer(*this, loop().now_ms() + limit);
}

void PassStage::on_ready(uint32_t) { finish(true); }

void PassStage::on_timer() {
  if (service_)
    finish(false);
  else
    try_to_pass();
}

void PassStage::on_shutdown() {
  if (service_) return finish(false);
  Worker& home = worker();
  std::unique_ptr<Connection> connection = take_connection();
  home.end(*this);
  home.refuse(std::move(connection), Reason::kShutdown);
}

void PassStage::finish(bool taken) {
  Worker& home = worker();
  GateMetrics& metrics = home.shared().metrics;
  metrics.handoff(backend().uri().kind, taken).Increment();
  if (taken)
    metrics.handoff_seconds.Observe(static_cast<double>(loop().now_ms() - started_ms_) / 1000);
  std::unique_ptr<Connection> connection = take_connection();
  home.end(*this);
  home.conclude(std::move(connection));
}

void PassStage::fail() {
  backend().set_up(false);  // until a probe or a hand-over succeeds
  Worker& home = worker();
  home.shared().metrics.handoff(backend().uri().kind, false).Increment();
  const size_t rest = index_ + 1;
  std::unique_ptr<Connection> connection = take_connection();
  home.end(*this);
  hand_off_from(home, std::move(connection), rest);
}

}  // namespace smtpgate
