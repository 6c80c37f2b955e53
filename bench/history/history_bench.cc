// SPDX-License-Identifier: Apache-2.0
//
// history_bench N [--json]: what N clients cost in the history.
//
// N random IPv4 addresses are inserted in random order, as strangers come, a thousand a commit;
// then a batch of 20,000 known clients is written, and clients are looked up at random, in a store
// that is in memory by then. The store is made in TMPDIR and removed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/core/text.h"
#include "smtpgate/history/store.h"

namespace {

using smtpgate::HistoryKey;
using smtpgate::HistoryRecord;
using smtpgate::HistoryStore;
using Clock = std::chrono::steady_clock;

constexpr size_t kBatch = 1000;
constexpr size_t kLargeBatch = 20'000;
constexpr size_t kLookups = 1'000'000;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double quantile(std::vector<double>& samples, double q) {
  const auto at = static_cast<size_t>(q * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(at),
                   samples.end());
  return samples[at];
}

/// A line of /proc/self/status, in bytes.
uint64_t memory(std::string_view field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field))
      return std::strtoull(line.c_str() + field.size(), nullptr, 10) << 10;
  return 0;
}

/// The n-th of 2^32 different addresses in an order that looks random: an odd factor and a shift
/// to the right are each a bijection.
HistoryKey stranger(uint32_t n) {
  n *= 0x9e3779b1;
  n ^= n >> 15;
  n *= 0x85ebca77;
  n ^= n >> 13;
  return HistoryKey::of(hf::IpAddress::v4(n));
}

HistoryRecord visit(uint32_t n) {
  HistoryRecord record;
  record.first_seen = record.last_seen = record.last_decided = 1'784'505'600 + n / 1000;
  record.connections = 1;
  record.faults[n % smtpgate::kFaults] = 1;
  return record;
}

hf::Result<nlohmann::ordered_json> measure(const std::string& folder, uint32_t count) {
  HF_TRY_ASSIGN(auto store,
                HistoryStore::open(folder, HistoryStore::Mode::kReadWrite, count + kLargeBatch));
  std::vector<double> commits;
  double large_commit = 0;
  auto timed_commit = [&](const HistoryStore::Batch& batch) -> hf::Result<double> {
    const auto start = Clock::now();
    HF_TRY(store.commit(batch));
    return seconds_since(start);
  };

  HistoryStore::Batch batch;
  const auto start = Clock::now();
  for (uint32_t n = 0; n < count; ++n) {
    batch[stranger(n)] = visit(n);
    if (batch.size() < kBatch && n + 1 < count) continue;
    HF_TRY_ASSIGN(const double took, timed_commit(batch));
    commits.push_back(took);
    batch.clear();
  }
  const double filling = seconds_since(start);
  const auto size = store.size();
  const auto file = std::filesystem::file_size(folder + "/data.mdb");

  std::minstd_rand random(1);
  std::uniform_int_distribution<uint32_t> any(0, count - 1);
  while (batch.size() < std::min<size_t>(kLargeBatch, count)) {
    const uint32_t n = any(random);
    batch[stranger(n)] = visit(n + 1);
  }
  HF_TRY_ASSIGN(large_commit, timed_commit(batch));

  HF_TRY_ASSIGN(auto reader, store.reader());
  uint32_t found = 0;
  for (uint32_t n = 0; n < count; ++n) found += reader.find(stranger(n)).has_value();
  HF_CHECK(found == count, "a client that was committed is not found");
  std::vector<double> lookups;
  lookups.reserve(kLookups);
  for (size_t i = 0; i < kLookups; ++i) {
    const HistoryKey key = stranger(any(random));
    const auto before = Clock::now();
    found += reader.find(key).has_value();
    lookups.push_back(seconds_since(before) * 1e6);
  }
  HF_CHECK(found == count + kLookups, "a client that was committed is not found");

  return nlohmann::ordered_json{
      {"clients", size.clients},
      {"bytes_per_client", static_cast<double>(size.bytes) / count},
      {"file_bytes_per_client", static_cast<double>(file) / count},
      {"inserts_per_second", count / filling},
      {"commit_p50_ms", quantile(commits, 0.5) * 1e3},
      {"commit_p99_ms", quantile(commits, 0.99) * 1e3},
      {"commit_of_20000_ms", large_commit * 1e3},
      {"lookup_p50_us", quantile(lookups, 0.5)},
      {"lookup_p99_us", quantile(lookups, 0.99)},
      {"lookup_p999_us", quantile(lookups, 0.999)},
      {"rss_anonymous_bytes", memory("RssAnon:")},
      {"rss_file_bytes", memory("RssFile:")},
  };
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc == 3 && std::string_view(argv[2]) == "--json";
  const auto count =
      argc == 2 || json ? hf::parse_int(argv[1], 1, 100'000'000) : std::optional<int64_t>();
  if (!count) {
    std::fputs("usage: history_bench CLIENTS [--json]\n", stderr);
    return 2;
  }
  std::string folder = std::filesystem::temp_directory_path() / "history_bench_XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) {
    std::perror("history_bench: a folder in TMPDIR");
    return 1;
  }
  const auto result = measure(folder, static_cast<uint32_t>(*count));
  std::filesystem::remove_all(folder);
  if (!result) {
    std::fprintf(stderr, "history_bench: %s\n", result.error().message.c_str());
    return 1;
  }
  if (json) {
    std::puts(result->dump().c_str());
    return 0;
  }
  for (const auto& [name, value] : result->items())
    std::printf("%-24s %.*f\n", name.c_str(), value.is_number_float() ? 2 : 0, value.get<double>());
  return 0;
}
