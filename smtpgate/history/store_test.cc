// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/history/store.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <lmdb.h>

#include "smtpgate/history/test_store.h"

using namespace smtpgate;
using Mode = HistoryStore::Mode;

namespace {

constexpr uint32_t kDay = 86'400;

HistoryKey client(const char* address) {
  return HistoryKey::of(hf::IpAddress::parse(address).value());
}

HistoryRecord seen_at(uint32_t time, uint32_t handoffs) {
  HistoryRecord record;
  record.last_seen = time;
  record.handoffs = handoffs;
  return record;
}

std::vector<std::string> names_in(const HistoryStore& store) {
  std::vector<std::string> names;
  REQUIRE(store.for_each([&](const HistoryKey& key, const HistoryRecord&) {
    names.push_back(key.to_string());
    return true;
  }));
  return names;
}

}  // namespace

TEST_CASE("what is committed is found, also after opening again") {
  const TempFolder folder;
  {
    auto store = open_store(folder);
    auto reader = open_reader(store);
    CHECK(!reader.find(key_of(5)));
    REQUIRE(store.commit(batch_of(0, 5000)));
    CHECK(reader.find(key_of(5)) == record_of(5));
    REQUIRE(store.commit({{key_of(5), record_of(77)}}));
    CHECK(reader.find(key_of(5)) == record_of(77));
    CHECK(store.size().clients == 5000);
    CHECK(store.size().bytes >= 5000 * 50);
  }
  const auto store = open_store(folder, Mode::kReadOnly);
  auto reader = open_reader(store);
  CHECK(reader.find(key_of(5)) == record_of(77));
  CHECK(reader.find(key_of(4999)) == record_of(4999));
  CHECK(!reader.find(key_of(5000)));
  CHECK(store.size().clients == 5000);
}

TEST_CASE("both families are visited in key order, until the visitor has enough") {
  const TempFolder folder;
  auto store = open_store(folder);
  HistoryStore::Batch batch;
  // The format's own key, "format", sorts between 102.111.114.108 and 102.111.114.110.
  for (const char* address : {"192.0.2.7", "102.111.114.108", "2001:db8::1", "102.111.114.110"})
    batch[client(address)] = {};
  REQUIRE(store.commit(batch));
  CHECK(names_in(store) == std::vector<std::string>{"2001:db8::/64", "102.111.114.108",
                                                    "102.111.114.110", "192.0.2.7"});
  size_t visits = 0;
  REQUIRE(store.for_each([&](const auto&, const auto&) { return ++visits < 2; }));
  CHECK(visits == 2);
}

TEST_CASE("a walk over many clients misses none and shows none twice") {
  const TempFolder folder;
  auto store = open_store(folder);
  REQUIRE(store.commit(batch_of(0, 3500)));
  uint32_t expected = 0;
  REQUIRE(store.for_each([&](const HistoryKey& key, const HistoryRecord& record) {
    CHECK(key == key_of(expected));
    CHECK(record == record_of(expected));
    ++expected;
    return true;
  }));
  CHECK(expected == 3500);
}

TEST_CASE("one client is forgotten") {
  const TempFolder folder;
  auto store = open_store(folder);
  auto reader = open_reader(store);
  REQUIRE(store.commit(batch_of(0, 3)));
  CHECK(store.erase(key_of(1)) == true);
  CHECK(store.erase(key_of(1)) == false);
  CHECK(!reader.find(key_of(1)));
  CHECK(reader.find(key_of(2)) == record_of(2));
  CHECK(store.size().clients == 2);
}

TEST_CASE("clients expire by when they were last seen and whether they ever passed") {
  const TempFolder folder;
  auto store = open_store(folder);
  constexpr uint32_t kNow = 1'000 * kDay;
  REQUIRE(store.commit({{client("192.0.2.1"), seen_at(kNow - 29 * kDay, 0)},
                        {client("192.0.2.2"), seen_at(kNow - 31 * kDay, 0)},
                        {client("192.0.2.3"), seen_at(kNow - 89 * kDay, 1)},
                        {client("192.0.2.4"), seen_at(kNow - 91 * kDay, 1)},
                        {client("192.0.2.5"), seen_at(kNow + kDay, 0)}}));
  CHECK(store.expire_some({}, kNow, 100) == 2);
  CHECK(names_in(store) == std::vector<std::string>{"192.0.2.1", "192.0.2.3", "192.0.2.5"});
  CHECK(store.expire_some({}, kNow, 100) == 0);
}

TEST_CASE("expiry goes on where it stopped, and begins again after the last client") {
  const TempFolder folder;
  auto store = open_store(folder);
  REQUIRE(store.commit(batch_of(0, 25)));  // last seen in 1970, so all are due
  const HistoryStore::Expiry keep_all{UINT32_MAX, UINT32_MAX, kMax};
  constexpr int64_t kNow = 1'000 * kDay;
  CHECK(store.expire_some(keep_all, kNow, 10) == 0);
  CHECK(store.expire_some({}, kNow, 10) == 10);
  CHECK(names_in(store).front() == "0.0.0.0");
  CHECK(names_in(store)[10] == "0.0.0.20");
  CHECK(store.expire_some({}, kNow, 10) == 5);
  CHECK(store.expire_some({}, kNow, 10) == 10);
  CHECK(store.size().clients == 0);
  CHECK(store.expire_some({}, kNow, 10) == 0);
}

TEST_CASE("above the limit the oldest go early, those that never passed first") {
  const TempFolder folder;
  auto store = open_store(folder);
  constexpr uint32_t kNow = 1'000 * kDay;
  HistoryStore::Batch batch;
  for (uint32_t n = 0; n < 900; ++n)  // 0 to 9 days old, every second one passed once
    batch[key_of(n)] = seen_at(kNow - n / 2 % 10 * kDay, n % 2);
  REQUIRE(store.commit(batch));
  // An eighth above 800: no time for failures, half of 9 days for passes.
  CHECK(store.expire_some({9 * kDay, 9 * kDay, 800}, kNow, 900) == 450 - 45 + 450 - 5 * 45);
  REQUIRE(store.for_each([&](const HistoryKey&, const HistoryRecord& record) {
    CHECK(kNow - record.last_seen <= (record.handoffs > 0 ? 4 * kDay : 0));
    return true;
  }));
}

TEST_CASE("a full history adds no client, still updates those it has, and says what to do") {
  const TempFolder folder;
  auto store = open_store(folder, Mode::kReadWrite, 80);
  REQUIRE(store.commit(batch_of(0, 90)));
  auto batch = batch_of(85, 20);
  batch[key_of(0)] = record_of(7);
  const auto full = store.commit(batch);
  REQUIRE(!full);
  CHECK(full.error().message.find("full with 90 clients, so 5 new ones are not remembered: raise "
                                  "`[history] max`") != std::string::npos);
  auto reader = open_reader(store);
  CHECK(reader.find(key_of(0)) == record_of(7));
  CHECK(store.size().clients == 100);
  CHECK(store.expire_some({1, 1, 80}, 1'000 * kDay, 1000) == 100);
  CHECK(store.commit(batch_of(0, 90)).has_value());
}

TEST_CASE("only a store that is there is opened for reading, and nothing is left behind") {
  const TempFolder folder;
  const auto absent = HistoryStore::open(folder.path, Mode::kReadOnly, kMax);
  REQUIRE(!absent);
  CHECK(absent.error().sys == ENOENT);
  CHECK(std::filesystem::is_empty(folder.path));
  const auto nowhere = HistoryStore::open(folder.path + "/none", Mode::kReadWrite, kMax);
  REQUIRE(!nowhere);
  CHECK(nowhere.error().sys == ENOENT);
  CHECK(nowhere.error().message.find("/none: ") != std::string::npos);
  CHECK(nowhere.error().message.find("`[history] path`") != std::string::npos);
}

TEST_CASE("files that are no history are refused, with what to do") {
  const TempFolder folder;
  std::ofstream(folder.path + "/data.mdb") << std::string(20'000, 'x');
  for (const Mode mode : {Mode::kReadOnly, Mode::kReadWrite}) {
    const auto store = HistoryStore::open(folder.path, mode, kMax);
    REQUIRE(!store);
    CHECK(store.error().message.find("move its data.mdb and lock.mdb away") != std::string::npos);
  }
}

TEST_CASE("a history of another format is refused and left as it is") {
  const TempFolder folder;
  {
    open_store(folder);
  }
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi table = 0;
  REQUIRE(::mdb_env_create(&env) == 0);
  REQUIRE(::mdb_env_open(env, folder.path.c_str(), 0, 0600) == 0);
  REQUIRE(::mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  REQUIRE(::mdb_dbi_open(txn, nullptr, 0, &table) == 0);
  MDB_val key{6, const_cast<char*>("format")}, value{18, const_cast<char*>("smtpgate history 2")};
  REQUIRE(::mdb_put(txn, table, &key, &value, 0) == 0);
  REQUIRE(::mdb_txn_commit(txn) == 0);
  ::mdb_env_close(env);
  for (const Mode mode : {Mode::kReadOnly, Mode::kReadWrite}) {
    const auto store = HistoryStore::open(folder.path, mode, kMax);
    REQUIRE(!store);
    CHECK(store.error().message.find("its format is \"smtpgate history 2\"") != std::string::npos);
    CHECK(store.error().message.find("run the version that wrote it") != std::string::npos);
  }
}
