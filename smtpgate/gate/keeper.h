// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/net/loop.h"
#include "smtpgate/gate/prober.h"
#include "smtpgate/gate/shared.h"
#include "smtpgate/gate/worker.h"

namespace smtpgate {

/// The gate's second half, on the thread that started it: each second it commits the workers'
/// history and brings gauges up to date; it watches list files, and takes reloads.
class Keeper final : public hf::Timer {
 public:
  Keeper(hf::Loop& loop, Shared& shared, Prober& prober,
         std::vector<std::unique_ptr<Worker>>& workers, Policy policy, std::string config_path);

  void start();
  /// Takes the configuration file anew. An error leaves everything as it was.
  hf::Result<void> reload();
  /// Writes what is not yet written; to be called when the workers have ended.
  void commit_last();

  const Policy& policy() const { return policy_; }
  /// The daemon's state for `smtpgate status` and `smtpgate lists`, as JSON.
  std::string status_json() const;
  std::string lists_json() const;

 private:
  void on_timer() override;
  void commit_history();
  void commit_greylist();
  void reload_changed_files();
  void publish();
  void take(std::shared_ptr<const Ruleset> rules, bool new_backends);

  hf::Loop& loop_;
  Shared& shared_;
  Prober& prober_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  Policy policy_;
  const std::string config_path_;
  uint64_t ticks_ = 0;
  int64_t started_ = 0;
};

/// How the gate opens list files: through the master, so that its own user need not read them.
FileOpener opener_of(MasterChannel& master);
/// Reads and checks the configuration file, which the master opens; `path` is for messages.
hf::Result<Config> read_config(MasterChannel& master, const std::string& path);

}  // namespace smtpgate
