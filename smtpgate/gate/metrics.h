// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "smtpgate/policy/facts.h"
#include "smtpgate/policy/verdict.h"
#include "smtpgate/wire/smtp_dialogue.h"

namespace smtpgate {

/// Every metric of the gate; their names are an interface. Counters may be raised from any
/// thread. What has labels known beforehand is made once, so that counting is one addition.
class GateMetrics {
 public:
  GateMetrics();

  prometheus::Counter& connections(bool v4, const std::string& listener);
  prometheus::Counter& verdict(Action action, Reason reason, bool enforced);
  prometheus::Counter& pregreet_class(FirstBytes kind) {
    return *pregreet_classes_[static_cast<size_t>(kind)];
  }
  prometheus::Counter& limited(Limit limit) { return *limited_[static_cast<size_t>(limit)]; }
  prometheus::Counter& accept_error(int sys);
  prometheus::Counter& handoff(BackendUri::Kind kind, bool ok) {
    return *handoffs_[static_cast<size_t>(kind) * 2 + (ok ? 1 : 0)];
  }
  prometheus::Counter& dialogue_fault(SmtpDialogue::Fault fault) {
    return *dialogue_faults_[static_cast<size_t>(fault)];
  }
  prometheus::Gauge& backend_up(const std::string& backend);

  /// Of one list; made anew when a reload brings a list.
  struct List {
    prometheus::Counter& listed;
    prometheus::Counter& not_listed;
    prometheus::Counter& failed;
    prometheus::Counter& timed_out;
    prometheus::Counter& error_code;
    prometheus::Counter& skipped;
    prometheus::Histogram& seconds;
    prometheus::Gauge& listed_ratio;
    prometheus::Gauge& breaker_state;
    prometheus::Gauge& budget_used;
  };
  List list(const std::string& name);
  prometheus::Gauge& list_data_age(const std::string& path);

  /// The text that Prometheus scrapes.
  std::string text() const;

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  prometheus::Family<prometheus::Counter>& connections_;
  prometheus::Family<prometheus::Counter>& verdicts_family_;
  prometheus::Family<prometheus::Counter>& accept_errors_;
  prometheus::Family<prometheus::Gauge>& backends_up_;
  prometheus::Family<prometheus::Counter>& dns_queries_;
  prometheus::Family<prometheus::Histogram>& dns_seconds_;
  prometheus::Family<prometheus::Gauge>& listed_ratio_;
  prometheus::Family<prometheus::Gauge>& breaker_state_;
  prometheus::Family<prometheus::Gauge>& budget_used_;
  prometheus::Family<prometheus::Gauge>& data_age_;
  std::array<prometheus::Counter*, 9> pregreet_classes_{};
  std::array<prometheus::Counter*, 6> limited_{};
  std::array<prometheus::Counter*, 6> dialogue_faults_{};
  std::array<prometheus::Counter*, 5 * 2> handoffs_{};  // by kind and result
  static constexpr size_t kReasons = static_cast<size_t>(kLastReason) + 1;
  // By action, reason and mode; made on first use.
  std::array<std::atomic<prometheus::Counter*>, 5 * kReasons * 2> verdicts_{};

 public:
  prometheus::Histogram& pregreet_seconds;
  prometheus::Histogram& handoff_seconds;
  prometheus::Counter& partial_scores;
  prometheus::Counter& dns_cache_hits;
  prometheus::Gauge& dns_inflight;
  prometheus::Gauge& waiting;
  prometheus::Gauge& waiting_limit;
  prometheus::Gauge& refusing;
  prometheus::Gauge& questioning;
  prometheus::Gauge& relaying;
  prometheus::Counter& relayed_in;
  prometheus::Counter& relayed_out;
  prometheus::Counter& tls_ok;
  prometheus::Counter& tls_failed;
  prometheus::Counter& tls_refused;
  prometheus::Counter& tls_injected;
  prometheus::Counter& grey_new;
  prometheus::Counter& grey_early;
  prometheus::Counter& grey_passed;
  prometheus::Counter& grey_known;
  prometheus::Histogram& grey_delay_seconds;
  prometheus::Gauge& grey_pending;
  prometheus::Gauge& grey_scopes;
  prometheus::Gauge& history_clients;
  prometheus::Gauge& history_bytes;
  prometheus::Counter& history_expired;
  prometheus::Gauge& strangers_alive;
  prometheus::Gauge& loop_lag_seconds;
  prometheus::Counter& closed;
  prometheus::Gauge& cpu_seconds_per_connection;
  prometheus::Gauge& config_reload_success;
};

}  // namespace smtpgate
