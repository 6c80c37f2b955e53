// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/core/text.h"
#include "base/ui/table.h"
#include "smtpgate/cli/commands.h"
#include "smtpgate/policy/verdict.h"

namespace smtpgate {
namespace {

/// One line of the table: a client, or a network's clients added up.
struct Row {
  std::string name;
  uint64_t rank = 0;
  uint64_t clients = 0, connections = 0, handoffs = 0, refusals = 0;
  uint32_t last_seen = 0;
  std::string last_reason;

  void add(const HistoryRecord& record, uint64_t by) {
    rank += by;
    ++clients;
    connections += record.connections;
    handoffs += record.handoffs;
    refusals += record.refusals();
    if (record.last_seen >= last_seen) {
      last_seen = record.last_seen;
      last_reason = name_of(static_cast<Reason>(record.last_reason));
    }
  }
};

using Rank = uint64_t (*)(const HistoryRecord&);

hf::Result<Rank> rank_by(const std::string& name) {
  auto fault = []<Fault F>() -> Rank {
    return [](const HistoryRecord& r) -> uint64_t { return r.faults[static_cast<size_t>(F)]; };
  };
  static const std::map<std::string, Rank> kRanks{
      {"refusals", [](const HistoryRecord& r) { return r.refusals(); }},
      {"connections", [](const HistoryRecord& r) -> uint64_t { return r.connections; }},
      {"handoffs", [](const HistoryRecord& r) -> uint64_t { return r.handoffs; }},
      {"pregreet", fault.operator()<Fault::kPregreet>()},
      {"listed", fault.operator()<Fault::kListed>()},
      {"denied", fault.operator()<Fault::kDenied>()},
      {"limited", fault.operator()<Fault::kLimited>()},
      {"hangup", fault.operator()<Fault::kHangup>()}};
  const auto found = kRanks.find(name);
  if (found != kRanks.end()) return found->second;
  std::string known;
  for (const auto& [key, value] : kRanks) known += (known.empty() ? "" : ", ") + key;
  return hf::fail(fmt::format("cannot rank by \"{}\", only by: {}", name, known));
}

/// "192.0.2.1" becomes "192.0.2.0/24"; an IPv6 key is a network already.
std::string network_of(const HistoryKey& key) {
  if (key.size != 4) return key.to_string();
  return fmt::format("{}.{}.{}.0/24", key.bytes[0], key.bytes[1], key.bytes[2]);
}

hf::Result<std::vector<Row>> collect(const HistoryStore& store, Rank rank,
                                     const TopOptions& options) {
  std::vector<Row> rows;
  // Keys come in order, so that a network's clients stand together.
  HF_TRY(store.for_each([&](const HistoryKey& key, const HistoryRecord& record) {
    const std::string name = options.networks ? network_of(key) : key.to_string();
    const uint64_t by = rank(record);
    if (by == 0) return true;
    if (rows.empty() || rows.back().name != name) {
      if (rows.size() > 4 * options.count + 1000) {
        auto middle = rows.begin() + static_cast<std::ptrdiff_t>(options.count);
        std::ranges::nth_element(rows, middle, std::greater(), &Row::rank);
        rows.erase(middle, rows.end());
      }
      rows.push_back({.name = name});
    }
    rows.back().add(record, by);
    return true;
  }));
  std::ranges::sort(rows, std::greater(), &Row::rank);
  if (rows.size() > options.count) rows.resize(options.count);
  return rows;
}

}  // namespace

hf::Result<int> run_top(const CommonOptions& common, const TopOptions& options) {
  HF_TRY_ASSIGN(const Config config, config_or_defaults(common));
  HF_TRY_ASSIGN(const Rank rank, rank_by(options.by));
  HF_TRY_ASSIGN(const auto store,
                HistoryStore::open(config.history.path, HistoryStore::Mode::kReadOnly,
                                   static_cast<uint64_t>(config.history.max)));
  HF_TRY_ASSIGN(const auto rows, collect(store, rank, options));
  if (common.json) {
    nlohmann::json out = nlohmann::json::array();
    for (const Row& row : rows)
      out.push_back({{"client", row.name},
                     {"clients", row.clients},
                     {"connections", row.connections},
                     {"handoffs", row.handoffs},
                     {"refusals", row.refusals},
                     {"last_seen", row.last_seen},
                     {"last_reason", row.last_reason}});
    fmt::print("{}\n", out.dump(2));
    return 0;
  }
  hf::Table table;
  table.add_column("CLIENT");
  for (const char* title : {"CONNECTIONS", "HANDED OFF", "REFUSED"})
    table.add_column(title, hf::Table::Align::kRight);
  table.add_column("LAST SEEN");
  table.add_column("LAST REASON");
  for (const Row& row : rows)
    table.add_row({row.name, std::to_string(row.connections), std::to_string(row.handoffs),
                   std::to_string(row.refusals), hf::format_utc(row.last_seen), row.last_reason});
  fmt::print("{}", table.render());
  return 0;
}

}  // namespace smtpgate
