// SPDX-License-Identifier: Apache-2.0
// The store among other processes: readers, killed writers, full disks.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <lmdb.h>

#include "base/os/fd.h"
#include "smtpgate/history/store.h"
#include "smtpgate/history/test_store.h"

using namespace smtpgate;
using Mode = HistoryStore::Mode;

namespace {

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

TEST_CASE("a reader that never ends fills the map, which is an error, and it passes") {
  const TempFolder folder;
  constexpr uint32_t kClients = 10'000;
  auto store = open_store(folder, Mode::kReadWrite, kClients);
  REQUIRE(store.commit(batch_of(0, kClients)));
  Pipe reading;
  Child child([&] {
    MDB_env* env = nullptr;
    MDB_txn* txn = nullptr;
    if (::mdb_env_create(&env) != 0) return 1;
    if (::mdb_env_open(env, folder.path.c_str(), MDB_RDONLY, 0) != 0) return 2;
    if (::mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn) != 0) return 3;
    reading.put(1);
    ::pause();
    return 0;
  });
  REQUIRE(reading.get());
  auto written = store.commit(batch_of(0, kClients));
  for (int i = 0; i < 1000 && written; ++i) written = store.commit(batch_of(0, kClients));
  REQUIRE(!written);
  CHECK(written.error().message.find("raise that and restart, or end the program") !=
        std::string::npos);
  CHECK(written.error().message.find("`[history] max`") != std::string::npos);
  child.kill();
  CHECK(store.commit({{key_of(1), record_of(2)}}).has_value());
  auto reader = open_reader(store);
  CHECK(reader.find(key_of(1)) == record_of(2));
  CHECK(reader.find(key_of(2)) == record_of(2));
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
  CHECK(failed.error().message.find("its disk is full or failing: make room there") !=
        std::string::npos);
  CHECK(store.size().clients == 1000);
  auto reader = open_reader(store);
  CHECK(reader.find(key_of(999)) == record_of(999));
  CHECK(store.commit(batch_of(500, 50'000)).has_value());
  CHECK(store.size().clients == 50'500);
}

// Each batch is one transaction and writes its own number into all of 180 clients, so a torn one
// would show as two numbers.
TEST_CASE("a process killed at any moment loses at most the batch it was committing") {
  const TempFolder folder;
  constexpr uint32_t kClients = 180;
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
  for (int round = 0; round < 60 || number < 20; ++round) {
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
}
