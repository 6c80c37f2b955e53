// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/prober.h"

#include "base/os/log.h"

namespace smtpgate {

Prober::~Prober() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Prober::start() {
  thread_ = std::thread([this] { run(); });
}

void Prober::use(const Policy& policy) {
  {
    const std::lock_guard lock(mutex_);
    policy_ = policy;
    fresh_ = true;
  }
  changed_.notify_all();
}

void Prober::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const Policy policy = policy_;
    fresh_ = false;
    lock.unlock();
    const Config& config = policy.rules->config;
    for (const auto& backend : policy.backends->all()) probe(*backend, config);
    lock.lock();
    changed_.wait_for(lock, config.backend.probe_interval, [this] { return fresh_ || stopping_; });
  }
}

void Prober::probe(Backend& backend, const Config& config) {
  const bool was_up = backend.up();
  const auto result = probe_backend(backend, &shared_.master, config.backend.connect_timeout);
  backend.set_up(result.has_value());
  if (result) backend.set_keywords(result->keywords);
  if (!result && was_up)
    hf::log_warn("backend {} is down: {}", backend.uri().text, result.error().message);
  if (result && !was_up) hf::log_info("backend {} is up: {}", backend.uri().text, result->banner);
}

}  // namespace smtpgate
