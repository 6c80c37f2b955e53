// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/gate/keeper.h"

#include <malloc.h>
#include <sys/resource.h>

#include <cerrno>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/os/file.h"
#include "base/os/log.h"

namespace smtpgate {
namespace {

constexpr uint64_t kTickMs = 1000;
constexpr uint64_t kFilesEvery = 2;       // ticks between looks at list files
constexpr size_t kExpireBatch = 2000;     // clients looked at each tick: a million in eight minutes
constexpr uint64_t kTrimEvery = 5;        // ticks between giving freed memory back

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

FileOpener opener_of(MasterChannel& master) {
  return [&master](const std::string& path) -> hf::Result<hf::Fd> {
    auto fd = master.file(path);
    if (!fd && fd.error().sys == EPERM)
      return hf::fail(path + ": was not named when the gate started, so it needs a restart");
    return fd;
  };
}

hf::Result<Config> read_config(MasterChannel& master, const std::string& path) {
  HF_TRY_ASSIGN(const hf::Fd fd, master.config());
  HF_TRY_ASSIGN(const std::string text, hf::read_all(fd.get(), 16 << 20));
  return parse_config(text, path);
}

Keeper::Keeper(hf::Loop& loop, Shared& shared, Prober& prober,
               std::vector<std::unique_ptr<Worker>>& workers, Policy policy,
               std::string config_path)
    : loop_(loop),
      shared_(shared),
      prober_(prober),
      workers_(workers),
      policy_(std::move(policy)),
      config_path_(std::move(config_path)),
      started_(loop.unix_seconds()) {}

void Keeper::start() {
  publish();
  loop_.set_timer(*this, loop_.now_ms() + kTickMs);
}

void Keeper::on_timer() {
  ++ticks_;
  commit_history();
  if (ticks_ % kFilesEvery == 0) reload_changed_files();
  commit_greylist();
  publish();
  hf::flush_log();
  shared_.history.release_memory();
  if (ticks_ % kTrimEvery == 0) ::malloc_trim(0);
  loop_.set_timer(*this, loop_.now_ms() + kTickMs);
}

void Keeper::commit_history() {
  for (auto& owner : workers_) {
    Worker* worker = owner.get();
    // There and back: the batch is taken on the worker's thread, written on this one, and the
    // worker is told, which until then still finds the batch's records.
    worker->post([this, worker] {
      auto batch = worker->history().take_batch();
      if (!batch) return;
      loop_.post([this, worker, batch] {
        if (auto written = shared_.history.commit(*batch); !written)
          hf::log_error("history: {}", written.error().message);
        worker->post([worker] { worker->history().committed(); });
      });
    });
  }
  const Config::History& config = policy_.rules->config.history;
  const HistoryStore::Expiry rules{static_cast<uint32_t>(config.keep_failed.count()),
                                   static_cast<uint32_t>(config.keep_passed.count()),
                                   static_cast<uint64_t>(config.max)};
  if (auto removed = shared_.history.expire_some(rules, loop_.unix_seconds(), kExpireBatch))
    shared_.metrics.history_expired.Increment(static_cast<double>(*removed));
}

void Keeper::commit_greylist() {
  Greylist& greylist = shared_.greylist;
  if (auto written = greylist.commit(); !written)
    hf::log_error("greylist: {}", written.error().message);
  if (auto expired = greylist.expire_some(kExpireBatch); !expired)
    hf::log_error("greylist: {}", expired.error().message);
}

void Keeper::commit_last() {
  commit_greylist();

  for (auto& worker : workers_) {
    worker->history().committed();
    if (auto batch = worker->history().take_batch())
      if (auto written = shared_.history.commit(*batch); !written)
        hf::log_error("history: {}", written.error().message);
  }
}

void Keeper::publish() {
  const int64_t now = loop_.unix_seconds();
  GateMetrics& metrics = shared_.metrics;
  metrics.waiting.Set(static_cast<double>(shared_.waiting.load()));
  metrics.waiting_limit.Set(static_cast<double>(policy_.rules->config.limits.waiting));
  metrics.strangers_alive.Set(static_cast<double>(shared_.strangers.alive()));
  if (const auto grey = shared_.greylist.size()) {
    metrics.grey_pending.Set(static_cast<double>(grey->pending));
    metrics.grey_scopes.Set(static_cast<double>(grey->known));
  }
  const auto size = shared_.history.size();
  metrics.history_clients.Set(static_cast<double>(size.clients));
  metrics.history_bytes.Set(static_cast<double>(size.bytes));
  if (const double closed = metrics.closed.Value(); closed > 0)
    metrics.cpu_seconds_per_connection.Set(cpu_seconds() / closed);
  for (const Ruleset::Source& source : policy_.rules->sources())
    metrics.list_data_age(source.path)
        .Set(static_cast<double>(now - source.stamp.mtime_ns / 1'000'000'000));
  for (const auto& backend : policy_.backends->all())
    metrics.backend_up(backend->uri().text).Set(backend->up() ? 1 : 0);
  policy_.guards->publish(now);
}

void Keeper::take(std::shared_ptr<const Ruleset> rules, bool new_backends) {
  policy_.guards =
      std::make_shared<ZoneGuards>(rules->config, shared_.metrics, policy_.guards.get());
  policy_.rules = std::move(rules);
  if (new_backends) policy_.backends = std::make_shared<Backends>(policy_.rules->config);
  for (auto& worker : workers_) worker->use(policy_);
  if (new_backends) prober_.use(policy_);
}

void Keeper::reload_changed_files() {
  const FileOpener open = opener_of(shared_.master);
  if (!policy_.rules->files_changed(open)) return;
  auto rules = Ruleset::load(policy_.rules->config, open);
  if (!rules) {
    // Half-written files pass; what stays wrong is told again with each look.
    hf::log_error("keeping the old lists: {}", rules.error().message);
    return;
  }
  take(std::move(*rules), false);
  hf::log_info("list files changed, loaded again");
}

hf::Result<void> Keeper::reload() {
  shared_.metrics.config_reload_success.Set(0);
  HF_TRY_ASSIGN(Config config, read_config(shared_.master, config_path_));
  const auto restart = restart_only_changes(policy_.rules->config, config);
  for (const std::string& warning : config_warnings(config)) hf::log_warn("{}", warning);
  HF_TRY_ASSIGN(auto rules, Ruleset::load(std::move(config), opener_of(shared_.master)));
  take(std::move(rules), true);
  shared_.metrics.config_reload_success.Set(1);
  hf::log_info("configuration loaded again");
  if (!restart.empty())
    hf::log_warn("changes that need a restart are not in force: {}", fmt::join(restart, ", "));
  return {};
}

std::string Keeper::status_json() const {
  const auto size = shared_.history.size();
  const double closed = shared_.metrics.closed.Value();
  nlohmann::json out{
      {"version", HF_VERSION},
      {"mode", policy_.rules->config.mode.enforce ? "enforce" : "observe"},
      {"uptime_seconds", loop_.unix_seconds() - started_},
      {"workers", workers_.size()},
      {"connections_now", shared_.live.load()},
      {"waiting_now", shared_.waiting.load()},
      {"relaying_now", shared_.metrics.relaying.Value()},
      {"strangers_alive", shared_.strangers.alive()},
      {"connections_ended", closed},
      {"cpu_seconds", cpu_seconds()},
      {"cpu_microseconds_per_connection", closed > 0 ? cpu_seconds() / closed * 1e6 : 0.0},
      {"history_clients", size.clients},
      {"history_bytes", size.bytes},
  };
  for (const auto& backend : policy_.backends->all())
    out["backends"].push_back({{"uri", backend->uri().text}, {"up", backend->up()}});
  for (const auto& source : policy_.rules->sources())
    out["files"].push_back({{"path", source.path}, {"entries", source.entries}});
  return out.dump();
}

std::string Keeper::lists_json() const {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& list : policy_.guards->status(loop_.unix_seconds()))
    out.push_back({{"name", list.name},
                   {"source", list.zone.empty() ? "file" : "dns"},
                   {"state", name_of(list.state)},
                   {"reason", list.reason},
                   {"asked", list.asked},
                   {"listed", list.listed},
                   {"failed", list.failed},
                   {"skipped", list.skipped},
                   {"listed_ratio", list.listed_ratio},
                   {"budget_used", list.budget_used}});
  return out.dump();
}

}  // namespace smtpgate
