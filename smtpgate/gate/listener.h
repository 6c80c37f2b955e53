// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/counter.h>

#include "base/core/result.h"
#include "base/net/ip.h"
#include "base/net/loop.h"
#include "base/net/timer_wheel.h"
#include "base/os/fd.h"

namespace smtpgate {

class Worker;

/// A listening socket of a worker. When descriptors run out, the one kept in reserve is spent to
/// tell the client so; a listener that cannot accept is left alone for a moment, never spun on.
class Listener final : public hf::ReadyHandler, public hf::Timer {
 public:
  Listener(Worker& worker, hf::Fd fd);
  ~Listener() override;

  hf::Result<void> watch();

 private:
  void on_ready(uint32_t events) override;
  void on_timer() override;
  bool accept_one();
  bool pause();
  void keep_reserve();

  Worker& worker_;
  hf::Fd fd_;
  hf::Fd reserve_;
  const hf::Endpoint address_;
  const bool wildcard_;  // a client's own server address must be asked for
  prometheus::Counter& accepted_;
};

}  // namespace smtpgate
