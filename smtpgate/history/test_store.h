// SPDX-License-Identifier: Apache-2.0
// Stores in folders of their own, for the tests of this room.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "smtpgate/history/store.h"

namespace smtpgate {

inline constexpr uint64_t kMax = 1'000'000;

struct TempFolder {
  std::string path;
  TempFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "history_XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TempFolder() { std::filesystem::remove_all(path); }
};

inline HistoryKey key_of(uint32_t n) {
  return HistoryKey::of(hf::IpAddress::v4(n));
}

inline HistoryRecord record_of(uint32_t n) {
  HistoryRecord record;
  record.first_seen = record.last_seen = n;
  record.connections = n ^ 0x5555;
  record.last_score = -1;
  return record;
}

inline HistoryStore open_store(const TempFolder& folder,
                               HistoryStore::Mode mode = HistoryStore::Mode::kReadWrite,
                               uint64_t max_clients = kMax) {
  auto store = HistoryStore::open(folder.path, mode, max_clients);
  REQUIRE_MESSAGE(store.has_value(), (store ? "" : store.error().message));
  return std::move(*store);
}

inline HistoryStore::Reader open_reader(const HistoryStore& store) {
  auto reader = store.reader();
  REQUIRE(reader.has_value());
  return std::move(*reader);
}

inline HistoryStore::Batch batch_of(uint32_t first, uint32_t count) {
  HistoryStore::Batch batch;
  for (uint32_t n = first; n < first + count; ++n) batch[key_of(n)] = record_of(n);
  return batch;
}

}  // namespace smtpgate
