// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/metrics.h"

#include <cstring>
#include <map>

#include <prometheus/text_serializer.h>

namespace smtpgate {
namespace {

using Labels = std::map<std::string, std::string>;

const prometheus::Histogram::BucketBoundaries kWaitBuckets{0.01, 0.05, 0.1, 0.25, 0.5, 1,
                                                           1.5,  2,    3,   4,    6,   10};
const prometheus::Histogram::BucketBoundaries kQuickBuckets{0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                            0.025,  0.05,  0.1,    0.25,  0.5,
                                                            1,      2,     3};

const prometheus::Histogram::BucketBoundaries kDelayBuckets{60,   120,  300,   600,   1200, 1800,
                                                            3600, 7200, 14400, 43200, 86400};

prometheus::Family<prometheus::Counter>& counters(prometheus::Registry& registry,
                                                  const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
prometheus::Family<prometheus::Gauge>& gauges(prometheus::Registry& registry, const char* name,
                                              const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}
prometheus::Family<prometheus::Histogram>& histograms(prometheus::Registry& registry,
                                                      const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}
prometheus::Counter& counter(prometheus::Registry& registry, const char* name, const char* help,
                             const Labels& labels = {}) {
  return counters(registry, name, help).Add(labels);
}
prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help,
                         const Labels& labels = {}) {
  return gauges(registry, name, help).Add(labels);
}

constexpr const char* kSessions = "smtpgate_sessions";
constexpr const char* kSessionsHelp = "Connections now, by stage";
constexpr const char* kTls = "smtpgate_tls_handshakes_total";
constexpr const char* kTlsHelp = "STARTTLS of clients that are being asked";
constexpr const char* kGrey = "smtpgate_grey_total";
constexpr const char* kGreyHelp = "Mails of doubtful clients, by what greylisting said to them";
constexpr const char* kRelayBytes = "smtpgate_relay_bytes_total";
constexpr const char* kRelayBytesHelp = "Bytes relayed, by direction as the client sees it";

}  // namespace

GateMetrics::GateMetrics()
    : registry_(std::make_shared<prometheus::Registry>()),
      connections_(counters(*registry_, "smtpgate_connections_total", "Connections accepted")),
      verdicts_family_(counters(*registry_, "smtpgate_verdicts_total",
                                "Verdicts; in observe mode a refusal is counted, not given")),
      accept_errors_(counters(*registry_, "smtpgate_accept_errors_total", "Failures of accept()")),
      backends_up_(gauges(*registry_, "smtpgate_backend_up", "1 if the last probe succeeded")),
      dns_queries_(counters(*registry_, "smtpgate_dns_queries_total", "List queries, by outcome")),
      dns_seconds_(histograms(*registry_, "smtpgate_dns_seconds", "Time to a list's answer")),
      listed_ratio_(gauges(*registry_, "smtpgate_list_listed_ratio",
                           "Share of distinct clients that a list calls listed")),
      breaker_state_(gauges(*registry_, "smtpgate_list_breaker_state",
                            "0 closed, 1 open (list does not count), 2 half-open")),
      budget_used_(gauges(*registry_, "smtpgate_list_budget_used_ratio",
                          "Share of a list's query budget that is spent")),
      data_age_(gauges(*registry_, "smtpgate_list_data_age_seconds",
                       "Time since a list file was last changed")),
      pregreet_seconds(histograms(*registry_, "smtpgate_pregreet_seconds",
                                  "How long after connecting an early talker spoke")
                           .Add({}, kWaitBuckets)),
      handoff_seconds(histograms(*registry_, "smtpgate_handoff_seconds",
                                 "From the verdict until the mail server has taken over")
                          .Add({}, kQuickBuckets)),
      partial_scores(counter(*registry_, "smtpgate_partial_scores_total",
                             "Verdicts for which a list's answer was missing")),
      dns_cache_hits(counter(*registry_, "smtpgate_dns_cache_hits_total",
                             "List answers that came from the cache")),
      dns_inflight(gauge(*registry_, "smtpgate_dns_inflight", "Questions under way")),
      waiting(gauge(*registry_, "smtpgate_waiting_room_used", "Clients in the waiting room")),
      waiting_limit(gauge(*registry_, "smtpgate_waiting_room_limit", "Most clients that may wait")),
      refusing(gauge(*registry_, kSessions, kSessionsHelp, {{"stage", "refuse"}})),
      questioning(gauge(*registry_, kSessions, kSessionsHelp, {{"stage", "dialogue"}})),
      relaying(gauge(*registry_, "smtpgate_relay_active", "Sessions being relayed")),
      relayed_in(counter(*registry_, kRelayBytes, kRelayBytesHelp, {{"dir", "in"}})),
      relayed_out(counter(*registry_, kRelayBytes, kRelayBytesHelp, {{"dir", "out"}})),
      tls_ok(counter(*registry_, kTls, kTlsHelp, {{"result", "ok"}})),
      tls_failed(counter(*registry_, kTls, kTlsHelp, {{"result", "failed"}})),
      tls_refused(counter(*registry_, kTls, kTlsHelp, {{"result", "refused"}})),
      tls_injected(counter(*registry_, "smtpgate_tls_injected_total",
                           "Clients whose commands in clear came after STARTTLS")),
      grey_new(counter(*registry_, kGrey, kGreyHelp, {{"event", "new"}})),
      grey_early(counter(*registry_, kGrey, kGreyHelp, {{"event", "early"}})),
      grey_passed(counter(*registry_, kGrey, kGreyHelp, {{"event", "pass"}})),
      grey_known(counter(*registry_, kGrey, kGreyHelp, {{"event", "known"}})),
      grey_delay_seconds(histograms(*registry_, "smtpgate_grey_delay_seconds",
                                    "From a mail's first try to its delivery")
                             .Add({}, kDelayBuckets)),
      grey_pending(gauge(*registry_, "smtpgate_grey_pending", "Mails that are to come back")),
      grey_scopes(gauge(*registry_, "smtpgate_grey_known_scopes",
                        "Domains and networks that came back")),
      history_clients(gauge(*registry_, "smtpgate_history_entries", "Clients remembered")),
      history_bytes(gauge(*registry_, "smtpgate_history_bytes", "Size of the history")),
      history_expired(counter(*registry_, "smtpgate_history_evictions_total",
                              "Clients forgotten because of age or space")),
      strangers_alive(gauge(*registry_, "smtpgate_strangers_alive",
                            "Sessions of unknown clients alive in a descriptor-passing backend")),
      loop_lag_seconds(gauge(*registry_, "smtpgate_loop_lag_seconds",
                             "Longest time between a worker's timer and its run, last minute")),
      closed(counter(*registry_, "smtpgate_closed_total", "Connections ended")),
      cpu_seconds_per_connection(gauge(*registry_, "smtpgate_cpu_seconds_per_connection",
                                       "CPU time of the gate over connections ended, since start")),
      config_reload_success(gauge(*registry_, "smtpgate_config_reload_success",
                                  "1 if the last reload took the new configuration")) {
  auto& classes = counters(*registry_, "smtpgate_pregreet_class_total",
                           "What early talkers seemed to speak");
  for (size_t i = 0; i < pregreet_classes_.size(); ++i)
    pregreet_classes_[i] =
        &classes.Add({{"class", std::string(name_of(static_cast<FirstBytes>(i)))}});
  auto& scopes = counters(*registry_, "smtpgate_concurrency_limited_total",
                          "Connections over a limit, by limit");
  for (size_t i = 1; i < limited_.size(); ++i)
    limited_[i] = &scopes.Add({{"scope", std::string(name_of(static_cast<Limit>(i)))}});
  auto& faults = counters(*registry_, "smtpgate_dialogue_faults_total",
                          "Doubtful clients that broke the protocol, by how");
  for (size_t i = 1; i < dialogue_faults_.size(); ++i)
    dialogue_faults_[i] =
        &faults.Add({{"fault", std::string(name_of(static_cast<SmtpDialogue::Fault>(i)))}});
  auto& handoffs = counters(*registry_, "smtpgate_handoff_total", "Hand-overs to a mail server");
  for (size_t i = 0; i < handoffs_.size(); ++i)
    handoffs_[i] = &handoffs.Add({{"kind", std::string(name_of(static_cast<BackendUri::Kind>(i / 2)))},
                                  {"result", i % 2 != 0 ? "ok" : "failed"}});
  gauge(*registry_, "smtpgate_build_info", "Always 1", {{"version", HF_VERSION}}).Set(1);
  config_reload_success.Set(1);
}

prometheus::Counter& GateMetrics::connections(bool v4, const std::string& listener) {
  return connections_.Add({{"family", v4 ? "ipv4" : "ipv6"}, {"listener", listener}});
}

prometheus::Counter& GateMetrics::verdict(Action action, Reason reason, bool enforced) {
  auto& slot = verdicts_[(static_cast<size_t>(action) * kReasons + static_cast<size_t>(reason)) * 2 +
                         (enforced ? 1 : 0)];
  prometheus::Counter* found = slot.load(std::memory_order_relaxed);
  if (found == nullptr) {
    // Add() gives the same counter to all who name the same labels, so a race is harmless.
    found = &verdicts_family_.Add({{"verdict", std::string(name_of(action))},
                                   {"reason", std::string(name_of(reason))},
                                   {"mode", enforced ? "enforce" : "observe"}});
    slot.store(found, std::memory_order_relaxed);
  }
  return *found;
}

prometheus::Counter& GateMetrics::accept_error(int sys) {
  return accept_errors_.Add({{"errno", std::string(strerrorname_np(sys))}});
}

prometheus::Gauge& GateMetrics::backend_up(const std::string& backend) {
  return backends_up_.Add({{"backend", backend}});
}

GateMetrics::List GateMetrics::list(const std::string& name) {
  auto queries = [&](const char* outcome) -> prometheus::Counter& {
    return dns_queries_.Add({{"zone", name}, {"outcome", outcome}});
  };
  const Labels zone{{"zone", name}};
  return {queries("listed"),     queries("not-listed"),
          queries("failed"),     queries("timeout"),
          queries("error-code"), queries("skipped"),
          dns_seconds_.Add(zone, kQuickBuckets), listed_ratio_.Add(zone),
          breaker_state_.Add(zone), budget_used_.Add(zone)};
}

prometheus::Gauge& GateMetrics::list_data_age(const std::string& path) {
  return data_age_.Add({{"list", path}});
}

std::string GateMetrics::text() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

}  // namespace smtpgate
