// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/history/pending.h"

#include <map>
#include <memory>
#include <random>

#include <doctest/doctest.h>

#include "smtpgate/history/test_store.h"

using namespace smtpgate;

namespace {

struct Fixture {
  TempFolder folder;
  HistoryStore store = open_store(folder);
  HistoryStore::Reader reader = open_reader(store);
  PendingHistory pending;

  uint32_t connections(const HistoryKey& key) { return pending.get(key, reader).connections; }
};

HistoryRecord with_connections(uint32_t count) {
  HistoryRecord record;
  record.connections = count;
  return record;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a client never seen has a default record") {
  CHECK(pending.get(key_of(1), reader) == HistoryRecord{});
  CHECK(pending.take_batch() == nullptr);
}

TEST_CASE_FIXTURE(Fixture, "the newest record wins wherever it is") {
  REQUIRE(store.commit({{key_of(1), with_connections(1)}}));
  CHECK(connections(key_of(1)) == 1);
  pending.put(key_of(1), with_connections(2));
  CHECK(connections(key_of(1)) == 2);
  const auto batch = pending.take_batch();
  REQUIRE(batch != nullptr);
  CHECK(connections(key_of(1)) == 2);
  pending.put(key_of(1), with_connections(3));
  CHECK(connections(key_of(1)) == 3);
  CHECK(batch->at(key_of(1)).connections == 2);
  REQUIRE(store.commit(*batch));
  pending.committed();
  CHECK(connections(key_of(1)) == 3);
}

TEST_CASE_FIXTURE(Fixture, "one batch at a time is on its way") {
  pending.put(key_of(1), with_connections(1));
  CHECK(pending.take_batch() != nullptr);
  pending.put(key_of(2), with_connections(2));
  CHECK(pending.take_batch() == nullptr);
  pending.committed();
  const auto batch = pending.take_batch();
  REQUIRE(batch != nullptr);
  CHECK(batch->size() == 1);
  CHECK(batch->contains(key_of(2)));
}

TEST_CASE_FIXTURE(Fixture, "whatever the order of events, a worker reads what it wrote") {
  std::minstd_rand random(3);
  std::map<uint32_t, uint32_t> model;
  std::shared_ptr<const HistoryStore::Batch> batch;
  for (uint32_t step = 1; step <= 20'000; ++step) {
    const auto client = static_cast<uint32_t>(random() % 50);
    switch (random() % 100) {
      case 0: {
        auto taken = pending.take_batch();
        CHECK((batch == nullptr || taken == nullptr));
        if (taken) batch = std::move(taken);
        break;
      }
      case 1:
        if (batch) REQUIRE(store.commit(*batch));  // the worker has not been told yet
        break;
      case 2:
        if (!batch) break;
        REQUIRE(store.commit(*batch));
        pending.committed();
        batch.reset();
        break;
      default: pending.put(key_of(client), with_connections(model[client] = step));
    }
    const auto asked = static_cast<uint32_t>(random() % 50);
    CHECK(connections(key_of(asked)) == (model.contains(asked) ? model[asked] : 0));
  }
}
