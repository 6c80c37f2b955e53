// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/core/text.h"
#include "base/ui/table.h"
#include "smtpgate/cli/commands.h"
#include "smtpgate/gate/control.h"

namespace smtpgate {
namespace {

hf::Result<std::string> ask(const Config& config, std::string_view command) {
  auto answer = ask_daemon(config.history.path, command);
  if (answer) return answer;
  const int sys = answer.error().sys;
  if (sys == ENOENT || sys == ECONNREFUSED)
    return hf::fail(fmt::format("no daemon runs on {}: start it with `smtpgate run`",
                                config.history.path));
  if (sys == EACCES || sys == EPERM)
    return hf::fail("only root and the daemon's user may ask the daemon: try sudo");
  return answer;
}

}  // namespace

hf::Result<int> run_status(const CommonOptions& common) {
  HF_TRY_ASSIGN(const Config config, config_or_defaults(common));
  HF_TRY_ASSIGN(const std::string answer, ask(config, "status"));
  if (common.json) {
    fmt::print("{}\n", answer);
    return 0;
  }
  const auto status = nlohmann::json::parse(answer, nullptr, false);
  if (status.is_discarded()) return hf::fail("the daemon's answer is no JSON: is it another version?");
  auto line = [](std::string_view label, const std::string& text) {
    fmt::print("{:<16} {}\n", label, text);
  };
  line("mode", status.value("mode", ""));
  line("up for", hf::humane_duration(std::chrono::seconds(status.value("uptime_seconds", 0))));
  line("connections", fmt::format("{} now, {} of them waiting, {} relayed; {:.0f} ended",
                                  status.value("connections_now", 0), status.value("waiting_now", 0),
                                  status.value("relaying_now", 0.0),
                                  status.value("connections_ended", 0.0)));
  line("CPU", fmt::format("{:.0f} µs per connection, {:.1f} s in all",
                          status.value("cpu_microseconds_per_connection", 0.0),
                          status.value("cpu_seconds", 0.0)));
  line("history", fmt::format("{} clients, {:.1f} MB", status.value("history_clients", 0),
                              status.value("history_bytes", 0.0) / 1e6));
  for (const auto& backend : status.value("backends", nlohmann::json::array()))
    line("backend", fmt::format("{} is {}", backend.value("uri", ""),
                                backend.value("up", false) ? "up" : "down"));
  for (const auto& file : status.value("files", nlohmann::json::array()))
    line("file", fmt::format("{}: {} entries", file.value("path", ""), file.value("entries", 0)));
  return 0;
}

hf::Result<int> run_lists(const CommonOptions& common) {
  HF_TRY_ASSIGN(const Config config, config_or_defaults(common));
  HF_TRY_ASSIGN(const std::string answer, ask(config, "lists"));
  if (common.json) {
    fmt::print("{}\n", answer);
    return 0;
  }
  const auto lists = nlohmann::json::parse(answer, nullptr, false);
  if (lists.is_discarded()) return hf::fail("the daemon's answer is no JSON: is it another version?");
  hf::Table table;
  using Align = hf::Table::Align;
  table.add_column("LIST");
  table.add_column("SOURCE");
  table.add_column("STATE");
  for (const char* title : {"ASKED", "LISTED", "FAILED", "SKIPPED", "RATIO", "BUDGET"})
    table.add_column(title, Align::kRight);
  table.add_column("WHY");
  for (const auto& list : lists)
    table.add_row({list.value("name", ""), list.value("source", ""), list.value("state", ""),
                   std::to_string(list.value("asked", 0)), std::to_string(list.value("listed", 0)),
                   std::to_string(list.value("failed", 0)),
                   std::to_string(list.value("skipped", 0)),
                   fmt::format("{:.0f}%", list.value("listed_ratio", 0.0) * 100),
                   fmt::format("{:.0f}%", list.value("budget_used", 0.0) * 100),
                   list.value("reason", "")});
  fmt::print("{}", table.render());
  return 0;
}

hf::Result<int> run_reload(const CommonOptions& common) {
  HF_TRY_ASSIGN(const Config config, load_config(common.config_path));
  HF_TRY_ASSIGN(const std::string answer, ask(config, "reload"));
  if (!answer.empty())
    return hf::fail(fmt::format("the old configuration stays in force: {}", answer));
  fmt::print("reloaded\n");
  return 0;
}

}  // namespace smtpgate
