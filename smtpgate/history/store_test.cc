// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/history/store.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <lmdb.h>

#include "base/os/fd.h"

using hf::IpAddress;
using smtpgate::HistoryKey;
using smtpgate::HistoryRecord;
using smtpgate::HistoryStore;
using Mode = HistoryStore::Mode;

namespace {

constexpr uint64_t kMax = 1'000'000;
constexpr uint32_t kDay = 86'400;

struct TempFolder {
  std::string path;
  TempFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "history_XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TempFolder() { std::filesystem::remove_all(path); }
};

HistoryKey key_of(uint32_t n) {
  return HistoryKey::of(IpAddress::v4(n));
}
HistoryKey client(const char* address) {
  return HistoryKey::of(IpAddress::parse(address).value());
}

HistoryRecord record_of(uint32_t n) {
  HistoryRecord record;
  record.first_seen = record.last_seen = n;
  record.connections = n ^ 0x5555;
  record.last_score = -1;
  return record;
}

HistoryRecord seen_at(uint32_t time, uint32_t handoffs) {
  HistoryRecord record;
  record.last_seen = time;
  record.handoffs = handoffs;
  return record;
}

HistoryStore open_store(const TempFolder& folder, Mode mode = Mode::kReadWrite,
                        uint64_t max_clients = kMax) {
  auto store = HistoryStore::open(folder.path, mode, max_clients);
  REQUIRE_MESSAGE(store.has_value(), (store ? "" : store.error().message));
  return std::move(*store);
}

HistoryStore::Reader open_reader(const HistoryStore& store) {
  auto reader = store.reader();
  REQUIRE(reader.has_value());
  return std::move(*reader);
}

HistoryStore::Batch batch_of(uint32_t first, uint32_t count) {
  HistoryStore::Batch batch;
  for (uint32_t n = first; n < first + count; ++n) batch[key_of(n)] = record_of(n);
  return batch;
}

std::vector<std::string> names_in(const HistoryStore& store) {
  std::vector<std::string> names;
  REQUIRE(store.for_each([&](const HistoryKey& key, const HistoryRecord&) {
    names.push_back(key.to_string());
    return true;
  }));
  return names;
}

/// A process in which `body` runs; its result is the exit code. LMDB may be open once a process.
class Child {
 public:
  explicit Child(const std::function<int()>& body) : pid_(::fork()) {
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) ::_exit(body());
  }
  ~Child() {
    if (pid_ > 0) end(SIGKILL);
  }
  void kill() { end(SIGKILL); }
  int wait() { return end(0); }

 private:
  int end(int signal) {
    int status = 0;
    if (signal != 0) ::kill(pid_, signal);
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  pid_t pid_;
};

struct Pipe {
  hf::Fd read_end, write_end;
  Pipe() {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    read_end = hf::Fd(ends[0]);
    write_end = hf::Fd(ends[1]);
  }
  void put(uint32_t number) const {
    CHECK(::write(write_end.get(), &number, sizeof number) == sizeof number);
  }
  /// nullopt: every writer has gone.
  std::optional<uint32_t> get() {
    uint32_t number;
    if (::read(read_end.get(), &number, sizeof number) == sizeof number) return number;
    return std::nullopt;
  }
};

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

TEST_CASE("another process reads while the daemon writes") {
  const TempFolder folder;
  auto store = open_store(folder);
  REQUIRE(store.commit(batch_of(0, 100)));
  Pipe looked, written;
  Child child([&] {
    auto other = HistoryStore::open(folder.path, Mode::kReadOnly, kMax);
    if (!other) return 1;
    auto reader = other->reader();
    if (!reader || reader->find(key_of(7)) != record_of(7)) return 2;
    looked.put(1);
    written.get();
    return reader->find(key_of(7)) == record_of(8) && other->size().clients == 3000 ? 0 : 3;
  });
  REQUIRE(looked.get());
  for (uint32_t n = 0; n < 3000; n += 100) REQUIRE(store.commit(batch_of(n, 100)));
  REQUIRE(store.commit({{key_of(7), record_of(8)}}));
  written.put(1);
  CHECK(child.wait() == 0);
}

TEST_CASE("a walk by a user who may only read is right under a busy writer") {
  if (::geteuid() != 0) return;  // needs a second user
  const TempFolder folder;
  auto store = open_store(folder);
  constexpr uint32_t kClients = 20'000;
  REQUIRE(store.commit(batch_of(0, kClients)));
  REQUIRE(::chmod(folder.path.c_str(), 0755) == 0);
  REQUIRE(::chmod((folder.path + "/data.mdb").c_str(), 0644) == 0);
  Child child([&] {
    if (::setgid(65'534) != 0 || ::setuid(65'534) != 0) return 1;
    auto other = HistoryStore::open(folder.path, Mode::kReadOnly, kMax);
    if (!other) return 2;
    int wrong = 0;
    for (int i = 0; i < 50; ++i) {
      uint32_t expected = 0;
      const auto walk = other->for_each([&](const HistoryKey& key, const HistoryRecord& record) {
        wrong += key != key_of(expected) || record.first_seen != expected;
        ++expected;
        return true;
      });
      if (!walk || expected != kClients) return 3;
    }
    return wrong == 0 ? 0 : 4;
  });
  std::jthread writer([&](const std::stop_token& stop) {
    std::minstd_rand random(1);
    while (!stop.stop_requested())
      CHECK(store.commit(batch_of(static_cast<uint32_t>(random() % (kClients - 50)), 50))
                .has_value());
  });
  CHECK(child.wait() == 0);
}

TEST_CASE("the slots of killed readers are free again") {
  const TempFolder folder;
  auto store = open_store(folder);
  REQUIRE(store.commit(batch_of(0, 1)));
  // More in all than there are slots.
  for (int i = 0; i < 12; ++i) {
    Pipe ready;
    Child child([&] {
      auto other = HistoryStore::open(folder.path, Mode::kReadOnly, kMax);
      std::vector<HistoryStore::Reader> readers;
      for (int j = 0; other && j < 100; ++j)
        if (auto reader = other->reader()) readers.push_back(std::move(*reader));
      if (readers.size() == 100) ready.put(1);
      ::pause();
      return 0;
    });
    REQUIRE(ready.get());
    child.kill();
    REQUIRE(store.commit(batch_of(0, 1)));
  }
  CHECK(store.reader().has_value());
}

TEST_CASE("a full disk is an error, and costs nothing but the batch") {
  const TempFolder folder;
  auto store = open_store(folder);
  REQUIRE(store.commit(batch_of(0, 1000)));
  const auto size = std::filesystem::file_size(folder.path + "/data.mdb");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit small{size + 8192, before.rlim_max};
  auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto failed = store.commit(batch_of(500, 50'000));
  const auto again = store.commit(batch_of(500, 50'000));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, handler);
  REQUIRE(!failed);
  REQUIRE(!again);
  CHECK(failed.error().message.find("make room on its disk") != std::string::npos);
  CHECK(store.size().clients == 1000);
  auto reader = open_reader(store);
  CHECK(reader.find(key_of(999)) == record_of(999));
  CHECK(store.commit(batch_of(500, 50'000)).has_value());
  CHECK(store.size().clients == 50'500);
}

// Each batch writes its own number into all of 400 clients, so a torn one would show as two
// numbers.
TEST_CASE("a process killed at any moment loses at most the batch it was committing") {
  const TempFolder folder;
  constexpr uint32_t kClients = 400;
  {
    open_store(folder);
  }
  auto numbered = [](uint32_t number) {
    HistoryStore::Batch batch;
    for (uint32_t n = 0; n < kClients; ++n) batch[key_of(n * 0x9e3779b1)] = record_of(number);
    for (uint32_t n = 0; n < 20; ++n) batch[key_of(number * 20 + n)] = record_of(number);
    return batch;
  };
  std::minstd_rand random(7);
  uint32_t number = 0;
  for (int round = 0; round < 60; ++round) {
    Pipe progress;
    {
      Child child([&] {
        auto store = HistoryStore::open(folder.path, Mode::kReadWrite, kMax);
        for (uint32_t next = number + 1; store; ++next) {
          if (!store->commit(numbered(next))) break;
          progress.put(next);
        }
        return 1;
      });
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));
      child.kill();
    }
    progress.write_end.reset();
    uint32_t told = number;
    while (const auto next = progress.get()) told = *next;
    const auto store = open_store(folder);
    auto reader = open_reader(store);
    const auto first = reader.find(key_of(0));
    if (!first) continue;
    number = first->first_seen;
    CHECK(number >= told);
    CHECK(number <= told + 1);
    for (uint32_t n = 0; n < kClients; ++n)
      CHECK(reader.find(key_of(n * 0x9e3779b1)) == record_of(number));
    for (uint32_t n = 0; n < 20; ++n) {
      CHECK(reader.find(key_of(number * 20 + n)) == record_of(number));
      CHECK(!reader.find(key_of((number + 1) * 20 + n)));
    }
  }
  CHECK(number > 60);
}
