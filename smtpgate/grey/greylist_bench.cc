// SPDX-License-Identifier: Apache-2.0
// Decisions a second of one thread over a full store: mails never seen, waiting, and of senders
// that are known-good. greylist_bench [FOLDER [ENTRIES]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "smtpgate/grey/greylist.h"

using namespace smtpgate;

namespace {

constexpr uint64_t kDecisions = 200'000;
constexpr uint64_t kBetweenCommits = 10'000;

GreyAttempt attempt_of(uint64_t n) {
  const auto client = hf::IpAddress::v4(static_cast<uint32_t>(n * 2'654'435'761U));
  return {client,
          {fmt::format("spf:s{}.example", n), fmt::format("ptr:p{}.example", n),
           fmt::format("net:{}", hf::home_network(client).to_string())},
          fmt::format("news-bounces+{}=reader.example@s{}.example", n, n),
          fmt::format("reader{}@here.example", n % 1000)};
}

void must(const hf::Result<void>& result) {
  if (result) return;
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// The time of commits, which are another thread's in the gate, does not count.
void measure(const char* what, GreyAnswer expected, uint64_t first, Greylist& grey) {
  double seconds = 0;
  uint64_t as_meant = 0;
  for (uint64_t done = 0; done < kDecisions; done += kBetweenCommits) {
    std::vector<GreyAttempt> attempts;
    for (uint64_t n = 0; n < kBetweenCommits; ++n) attempts.push_back(attempt_of(first + done + n));
    const double from = cpu_seconds();
    for (const GreyAttempt& attempt : attempts) as_meant += grey.decide(attempt).answer == expected;
    seconds += cpu_seconds() - from;
    must(grey.commit());
  }
  fmt::print("{:<24} {:>9.0f} decisions/s of CPU time  {:>5.2f} us  ({} of {} as meant)\n", what,
             static_cast<double>(kDecisions) / seconds,
             1e6 * seconds / static_cast<double>(kDecisions), as_meant, kDecisions);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder =
      argc > 1 ? argv[1] : std::filesystem::temp_directory_path() / "greylist_bench";
  const uint64_t entries = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  hf::ManualClock clock;
  GreyOptions options;
  options.max_entries = 4 * (entries + 6 * kDecisions);
  auto grey = Greylist::open(folder, options, clock);
  if (!grey) must(hf::fail(grey.error()));

  const uint64_t mails =
      std::max(entries / 3, 2 * kDecisions);  // an entry for each of three scopes
  for (uint64_t n = 0; n < mails; ++n) {
    grey->decide(attempt_of(n));
    if (n % 20'000 == 0) must(grey->commit());
  }
  must(grey->commit());
  fmt::print("{} mails on disk, {} MB\n", mails,
             std::filesystem::file_size(folder + "/grey.mdb") >> 20);
  measure("never seen, few known", GreyAnswer::kNew, 2'000'000'000, *grey);
  measure("a retry too early", GreyAnswer::kEarly, 0, *grey);
  clock.advance_ms(60'000);
  measure("a retry that passes", GreyAnswer::kPassed, kDecisions, *grey);
  measure("of a known-good sender", GreyAnswer::kKnown, kDecisions, *grey);
  measure("never seen, many known", GreyAnswer::kNew, 1'000'000'000, *grey);
  std::filesystem::remove_all(folder);
  return 0;
}
