// SPDX-License-Identifier: Apache-2.0
#include "hellomark/measure/campaign.h"

#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <random>
#include <utility>

#include <fmt/core.h>

#include "hellomark/launch/interrupt.h"
#include "hellomark/measure/cold.h"

namespace hellomark {
namespace {

constexpr double kBatchSeconds = 0.1;
constexpr double kLongSeconds = 0.5;  // from here on one run is enough for memory
constexpr double kMoreToLook = 1.1;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Campaign {
 public:
  Campaign(const std::vector<Contender>& contenders, const CampaignOptions& options,
           const std::function<void(const Progress&)>& progress)
      : contenders_(contenders), options_(options), progress_(progress), random_(options.seed) {}

  hf::Result<Report> run() {
    report_.seed = options_.seed;
    report_.machine = look_at_machine();
    HF_TRY(start());
    began_ = now();
    HF_TRY(once(&Contender::setup));
    if (going_on()) HF_TRY(first_runs());
    for (size_t i = 0; i < options_.warmup_rounds && going_on(); ++i)
      HF_TRY(rounds(1, Purpose::kWarmup));
    if (going_on() && options_.memory_rounds > 0) HF_TRY(memory_rounds());
    if (going_on()) HF_TRY(timed_rounds());
    HF_TRY(once(&Contender::cleanup));
    report_.interrupted = interrupted() != 0;
    report_.elapsed_seconds = now() - began_;
    tell_oddities();
    return std::move(report_);
  }

 private:
  enum class Purpose : uint8_t { kAside, kFirst, kWarmup, kMemory, kTimed };
  struct Planned {
    RunRequest request;
    size_t row;
    Purpose purpose;
  };

  hf::Result<void> start() {
    std::vector<Command> commands;
    for (const Contender& contender : contenders_) {
      report_.rows.push_back({.name = contender.name,
                              .command = contender.command,
                              .floor = contender.floor,
                              .note = contender.note});
      commands.push_back(contender.command);
    }
    for (const Contender& contender : contenders_)
      for (const auto part : {&Contender::setup, &Contender::prepare, &Contender::cleanup})
        commands.push_back((contender.*part).value_or(Command{}));
    left_.resize(contenders_.size());
    HF_TRY_ASSIGN(auto launcher, Launcher::start(commands, options_.launcher));
    launcher_.emplace(std::move(launcher));
    return {};
  }

  bool going_on() const { return interrupted() == 0 && !failed_; }

  uint32_t aside_index(size_t row, std::optional<Command> Contender::*part) const {
    const size_t nth = part == &Contender::setup ? 0 : part == &Contender::prepare ? 1 : 2;
    return static_cast<uint32_t>(contenders_.size() + 3 * row + nth);
  }

  hf::Result<void> once(std::optional<Command> Contender::*part) {
    std::vector<Planned> plan;
    for (size_t row = 0; row < contenders_.size(); ++row)
      if (contenders_[row].*part)
        plan.push_back({{.command = aside_index(row, part)}, row, Purpose::kAside});
    return carry_out(plan);
  }

  void plan_run(std::vector<Planned>& plan, size_t row, Purpose purpose) {
    if (contenders_[row].prepare)
      plan.push_back({{.command = aside_index(row, &Contender::prepare)}, row, Purpose::kAside});
    std::uniform_int_distribution<uint32_t> pad(1, kMaxPad);
    plan.push_back({{.command = static_cast<uint32_t>(row),
                     .pad_bytes = options_.env_pad ? pad(random_) : 0,
                     .timeout_ns = static_cast<uint64_t>(options_.timeout_seconds * 1e9),
                     .traced = purpose == Purpose::kMemory},
                    row,
                    purpose});
  }

  hf::Result<void> first_runs() {
    std::vector<Planned> plan;
    for (size_t row = 0; row < contenders_.size(); ++row) plan_run(plan, row, Purpose::kFirst);
    return carry_out(plan);
  }

  hf::Result<void> rounds(size_t count, Purpose purpose) {
    std::vector<size_t> order(contenders_.size());
    std::iota(order.begin(), order.end(), 0);
    std::vector<Planned> plan;
    for (size_t i = 0; i < count; ++i) {
      std::ranges::shuffle(order, random_);
      for (const size_t row : order)
        if (!left_[row]) plan_run(plan, row, purpose);
    }
    return carry_out(plan);
  }

  hf::Result<void> memory_rounds() {
    for (size_t row = 0; row < contenders_.size() && going_on(); ++row) {
      const auto& first = report_.rows[row].first;
      const bool is_long = !first.empty() && wall_seconds(first.front()) > kLongSeconds;
      std::vector<Planned> plan;
      for (size_t i = 0; i < (is_long ? 1 : options_.memory_rounds); ++i)
        plan_run(plan, row, Purpose::kMemory);
      launcher_->want_maps(options_.cold);
      HF_TRY(carry_out(plan));
      if (options_.cold) cold_.emplace_back(report_.rows[row].command, launcher_->maps());
    }
    return {};
  }

  hf::Result<void> timed_rounds() {
    const double began = now();
    size_t done = 0, batch = 1, looked = 0;
    while (going_on()) {
      const double batch_began = now();
      if (options_.max_rounds != 0) batch = std::min(batch, options_.max_rounds - done);
      if (done < options_.min_rounds) batch = std::min(batch, options_.min_rounds - done);
      HF_TRY(rounds(batch, Purpose::kTimed));
      done += batch;
      const double round_seconds = (now() - batch_began) / double(batch);
      const bool at_end = options_.max_rounds != 0 && done >= options_.max_rounds;
      const bool out_of_time = options_.max_seconds > 0 && now() - began >= options_.max_seconds;
      if (at_end || (done >= options_.min_rounds && out_of_time)) break;
      batch = std::clamp<size_t>(static_cast<size_t>(kBatchSeconds / round_seconds), 1, 2 * batch);
      if (double(done) < kMoreToLook * double(looked)) continue;
      looked = done;
      if (is_sure(began, done) && done >= options_.min_rounds) break;
    }
    return {};
  }

  /// Whether the row that is least sure is sure enough; tells of it.
  bool is_sure(double began, size_t done) {
    Progress told{.seconds = now() - began, .rounds = done, .report = &report_};
    for (size_t i = 0; i < report_.rows.size(); ++i) {
      const Row& row = report_.rows[i];
      if (row.floor || left_[i]) continue;
      const hf::Summary summary = hf::summarize(series(row, wall_seconds));
      left_[i] = options_.leave_when_sure && done >= options_.min_rounds &&
                 summary.uncertainty() <= options_.until;
      if (told.widest == nullptr || summary.uncertainty() > told.summary.uncertainty()) {
        told.widest = &row;
        told.summary = summary;
      }
    }
    if (progress_ && told.widest != nullptr) progress_(told);
    return options_.until > 0 && told.summary.uncertainty() <= options_.until;
  }

  hf::Result<void> carry_out(const std::vector<Planned>& plan) {
    const size_t most = options_.cold ? 1 : kMaxBatch;
    for (size_t at = 0; at < plan.size() && going_on(); at += most) {
      const std::span part(plan.data() + at, std::min(most, plan.size() - at));
      std::vector<RunRequest> requests;
      for (const Planned& planned : part) requests.push_back(planned.request);
      if (options_.cold && part.front().purpose == Purpose::kTimed) make_cold(part.front().row);
      HF_TRY_ASSIGN(const auto records, launcher_->run(requests));
      for (size_t i = 0; i < records.size(); ++i) take(part[i], records[i]);
    }
    return {};
  }

  void make_cold(size_t row) {
    if (row >= cold_.size()) return;
    const auto outcome = cold_[row].evict();
    cold_pages_ += outcome.pages;
    cold_left_ += outcome.still_cached;
  }

  void take(const Planned& planned, const RunRecord& record) {
    Row& row = report_.rows[planned.row];
    if (record.stopped || failed_) return;
    const std::string failure = failure_of(record, options_.timeout_seconds);
    if (!failure.empty()) {
      ++failures_;
      const bool fatal = planned.purpose == Purpose::kAside || record.error != 0;
      if (fatal || !options_.ignore_failure) {
        row.trouble = planned.purpose == Purpose::kAside
                          ? "the command that sets up, prepares or cleans up " + failure
                          : failure;
        failed_ = true;
        return;
      }
    }
    left_running_ += record.left_running;
    switch (planned.purpose) {
      case Purpose::kFirst: row.first.push_back(record); break;
      case Purpose::kMemory: row.traced.push_back(record); break;
      case Purpose::kTimed: row.runs.push_back(record); break;
      case Purpose::kAside:
      case Purpose::kWarmup: break;
    }
  }

  void tell_oddities() {
    report_.notes = report_.machine.warnings();
    if (failures_ > 0 && !failed_)
      report_.notes.push_back(fmt::format("{} runs failed and count all the same", failures_));
    if (left_running_ > 0)
      report_.notes.push_back(fmt::format(
          "processes that commands left running, and that were killed: {}", left_running_));
    if (cold_pages_ > 0)
      report_.notes.push_back(
          fmt::format("cold: {:.1f} % of the pages of the commands' files were "
                      "out of the page cache before each run",
                      100 - 100.0 * double(cold_left_) / double(cold_pages_)));
    for (const Row& row : report_.rows)
      if (!row.traced.empty() && !row.traced.front().traced)
        report_.notes.push_back(
            fmt::format("{}: memory is ru_maxrss, for the kernel forbids tracing", row.name));
  }

  const std::vector<Contender>& contenders_;
  const CampaignOptions& options_;
  const std::function<void(const Progress&)>& progress_;
  std::mt19937_64 random_;
  std::optional<Launcher> launcher_;
  Report report_;
  std::vector<ColdFiles> cold_;
  double began_ = 0;
  std::vector<bool> left_;
  bool failed_ = false;
  int64_t failures_ = 0, left_running_ = 0;
  size_t cold_pages_ = 0, cold_left_ = 0;
};

}  // namespace

hf::Result<Report> run_campaign(const std::vector<Contender>& contenders,
                                const CampaignOptions& options,
                                const std::function<void(const Progress&)>& progress) {
  return Campaign(contenders, options, progress).run();
}

std::string failure_of(const RunRecord& record, double timeout_seconds) {
  if (record.error == ENOEXEC)
    return "could not be started: it is neither a program nor a script with a #! line";
  if (record.error != 0)
    return fmt::format("could not be started: {}", std::strerror(record.error));
  if (record.timed_out)
    return fmt::format("did not end within {} s and was killed", timeout_seconds);
  if (WIFSIGNALED(record.wait_status))
    return fmt::format("was killed by signal {} ({})", WTERMSIG(record.wait_status),
                       ::strsignal(WTERMSIG(record.wait_status)));
  if (WEXITSTATUS(record.wait_status) != 0)
    return fmt::format("ended with exit code {}", WEXITSTATUS(record.wait_status));
  return {};
}

}  // namespace hellomark
