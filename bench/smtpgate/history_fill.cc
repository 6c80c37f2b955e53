// SPDX-License-Identifier: Apache-2.0
//
// history_fill FOLDER COUNT: a history of COUNT clients that came once and were handed over, at
// addresses from 12.0.0.0 on, which no client of smtp_load uses.
#include <cstdio>
#include <ctime>
#include <optional>

#include "base/core/text.h"
#include "smtpgate/history/store.h"

namespace {

hf::Result<void> fill(const char* folder, int64_t count) {
  constexpr int64_t kBatch = 100'000;
  constexpr uint32_t kFirst = 12u << 24;
  HF_TRY_ASSIGN(auto store,
                smtpgate::HistoryStore::open(folder, smtpgate::HistoryStore::Mode::kReadWrite,
                                             static_cast<uint64_t>(count) + 1'000'000));
  const auto now = static_cast<uint32_t>(std::time(nullptr));
  smtpgate::HistoryRecord record;
  record.first_seen = record.last_seen = now;
  record.connections = record.handoffs = 1;
  record.pregreet_pass_until = record.dns_pass_until = now + 30 * 86'400;
  smtpgate::HistoryStore::Batch batch;
  for (int64_t i = 0; i < count; ++i) {
    const auto address = hf::IpAddress::v4(kFirst + static_cast<uint32_t>(i));
    batch[smtpgate::HistoryKey::of(address)] = record;
    if (batch.size() == kBatch || i + 1 == count) {
      HF_TRY(store.commit(batch));
      batch.clear();
    }
  }
  const auto size = store.size();
  std::printf("{\"clients\":%llu,\"bytes\":%llu}\n", static_cast<unsigned long long>(size.clients),
              static_cast<unsigned long long>(size.bytes));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const auto count = argc == 3 ? hf::parse_int(argv[2], 1, 100'000'000) : std::optional<int64_t>();
  if (!count) {
    std::fputs("usage: history_fill FOLDER COUNT\n", stderr);
    return 2;
  }
  if (const auto filled = fill(argv[1], *count); !filled) {
    std::fprintf(stderr, "history_fill: %s\n", filled.error().message.c_str());
    return 1;
  }
  return 0;
}
