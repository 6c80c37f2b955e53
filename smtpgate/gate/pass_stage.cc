// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/pass_stage.h"

#include <sys/epoll.h>

#include <cerrno>

#include "smtpgate/gate/worker.h"
#include "smtpgate/wire/postfix_pass.h"

namespace smtpgate {
namespace {

constexpr uint64_t kRetryMs = 20;         // while the service is busy, or one of its processes just ended
constexpr uint64_t kUnwatchedMs = 1000;   // for a pick-up that epoll cannot tell us of

}  // namespace

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
  auto service = send();
  if (!service) {
    const int sys = service.error().sys;
    const bool busy = sys == EAGAIN || sys == EPIPE || sys == ECONNRESET;
    if (!busy || loop().now_ms() >= deadline_ms()) return fail();
    return loop().set_timer(*this, loop().now_ms() + kRetryMs);
  }
  connection().backend = name_of(backend().uri().kind);
  service_ = std::move(*service);
  const bool watching = loop().watch(service_.get(), EPOLLIN | EPOLLRDHUP, this).has_value();
  const Millis patience = connection().config().backend.pickup_timeout;
  const uint64_t limit = watching ? static_cast<uint64_t>(patience.count()) : kUnwatchedMs;
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
  if (service_)
    finish(false);
  else
    BackendStage::on_shutdown();
}

void PassStage::finish(bool taken) {
  record(taken);
  worker().conclude(leave());
}

}  // namespace smtpgate
