// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/pass_stage.h"

#include <fcntl.h>
#include <sys/epoll.h>

#include "smtpgate/gate/worker.h"
#include "smtpgate/wire/postfix_pass.h"

namespace smtpgate {

bool PassStage::begin(Worker& worker, std::unique_ptr<Connection>& connection, Backend& backend) {
  auto service = backend.connect(&worker.shared().master);
  if (!service) {
    worker.shared().metrics.handoff(BackendUri::Kind::kPostfixPass, false).Increment();
    return false;
  }
  // The flag is the socket's, not the descriptor's: the server expects it as the kernel gave it.
  const int fd = connection->fd.get();
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  const std::string message = make_pass_message(connection->peer, connection->server);
  if (!send_pass_message(service->get(), fd, message)) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    worker.shared().metrics.handoff(BackendUri::Kind::kPostfixPass, false).Increment();
    return false;
  }
  connection->backend = name_of(backend.uri().kind);
  worker.begin<PassStage>(std::move(connection), std::move(*service));
  return true;
}

PassStage::PassStage(Worker& worker, std::unique_ptr<Connection> connection, hf::Fd service)
    : Stage(worker, std::move(connection)),
      service_(std::move(service)),
      sent_ms_(worker.loop().now_ms()) {
  const auto limit = this->connection().config().backend.pickup_timeout.count();
  loop().set_timer(*this, sent_ms_ + static_cast<uint64_t>(limit));
  if (!loop().watch(service_.get(), EPOLLIN | EPOLLRDHUP, this))
    loop().set_timer(*this, sent_ms_ + 1000);  // cannot be told of the pick-up: gives it a second
}

PassStage::~PassStage() { loop().unwatch(service_.get(), this); }

void PassStage::on_ready(uint32_t) { finish(true); }
void PassStage::on_timer() { finish(false); }
void PassStage::on_shutdown() { finish(false); }

void PassStage::finish(bool taken) {
  Worker& home = worker();
  GateMetrics& metrics = home.shared().metrics;
  metrics.handoff(BackendUri::Kind::kPostfixPass, taken).Increment();
  if (taken)
    metrics.handoff_seconds.Observe(static_cast<double>(loop().now_ms() - sent_ms_) / 1000);
  std::unique_ptr<Connection> connection = take_connection();
  home.end(*this);
  home.conclude(std::move(connection));
}

}  // namespace smtpgate
