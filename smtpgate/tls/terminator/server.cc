// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/terminator/server.h"

#include <sys/epoll.h>

#include <cerrno>

#include "base/os/log.h"

namespace smtpgate {
namespace {

constexpr int kBurst = 16;  // clients taken before sessions have their turn

}  // namespace

hf::Result<std::unique_ptr<Server>> Server::create(hf::Loop& loop, hf::Fd control, Load load) {
  std::unique_ptr<Server> server(new Server(loop, std::move(control), std::move(load)));
  HF_TRY(server->load());
  HF_TRY(loop.watch(server->control_.get(), EPOLLIN, server.get()));
  loop.set_timer(server->key_timer_, loop.now_ms() + kTicketKeyMs);
  return server;
}

Server::Server(hf::Loop& loop, hf::Fd control, Load load)
    : loop_(loop), control_(std::move(control)), load_(std::move(load)) {}

Server::~Server() {
  loop_.forget(this);
}

hf::Result<void> Server::load() {
  HF_TRY_ASSIGN(context_, load_());
  for (const std::string& summary : context_.summaries) hf::log_info("{}", summary);
  for (const std::string& warning : context_.warnings) hf::log_warn("{}", warning);
  return {};
}

void Server::reload() {
  if (auto loaded = load(); !loaded)
    hf::log_error("keeping the old certificates: {}", loaded.error().message);
}

void Server::stop() {
  if (!control_) return;
  loop_.unwatch(control_.get(), this);
  control_.reset();  // the gate sees that nobody takes clients here
  loop_.set_timer(drain_timer_, loop_.now_ms() + kDrainMs);
  if (sessions_.empty()) loop_.stop();
}

void Server::on_ready(uint32_t) {
  for (int i = 0; i < kBurst; ++i) {
    auto request = receive_session(control_.get());
    if (!request) {
      if (request.error().sys == EAGAIN) return;
      hf::log_error("{}", request.error().message);
      if (request.error().sys == 0) continue;  // one bad message
      return stop();
    }
    if (!*request) return stop();
    serve(std::move(**request));
  }
}

void Server::serve(SessionRequest request) {
  auto made =
      std::make_unique<Session>(loop_, *context_.ssl, std::move(request), [this](Session& ended) {
        sessions_.erase(&ended);
        if (!control_ && sessions_.empty()) loop_.stop();
      });
  Session& session = *made;
  sessions_.emplace(&session, std::move(made));
  session.start();
}

void Server::renew_keys() {
  renew_ticket_keys(*context_.ssl);
  loop_.set_timer(key_timer_, loop_.now_ms() + kTicketKeyMs);
}

}  // namespace smtpgate
