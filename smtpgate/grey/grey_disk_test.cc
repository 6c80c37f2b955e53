// SPDX-License-Identifier: Apache-2.0
// What lasts from run to run, clocks that jump between, and other processes.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/os/fd.h"
#include "base/os/file.h"
#include "smtpgate/grey/test_grey.h"
#include "smtpgate/history/lmdb.h"

using namespace smtpgate;
using enum GreyAnswer;

namespace {

constexpr int64_t kDay = 24 * 3600;

/// The exit code of a process that runs `body`; -1 if it was killed.
int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) ::_exit(body());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string error_at(const GreyFolder& folder, const hf::Clock& clock) {
  const auto grey = Greylist::open(folder.path, {}, clock);
  return grey ? "" : grey.error().message;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("what was committed lasts, and what was not is new again") {
  GreyLab lab;
  const auto mail = attempt_from("192.0.2.1"), lost = attempt_from("198.51.100.1");
  lab.grey().decide(mail);
  lab.commit();
  lab.grey().decide(lost);
  lab.after_s(60);
  lab.reopen();
  CHECK(lab.answer(lost) == kNew);
  const auto passed = lab.grey().decide(mail);
  CHECK(passed.answer == kPassed);
  CHECK(passed.waited_s == 60);
  lab.commit();
  lab.reopen();
  CHECK(lab.answer(mail) == kKnown);
}

TEST_CASE("a wall clock that jumps during a run changes nothing") {
  for (const int64_t jump : {-400 * kDay, -kDay, kDay, 400 * kDay}) {
    CAPTURE(jump);
    GreyLab lab;
    const auto mail = attempt_from("192.0.2.1"), good = attempt_from("198.51.100.1");
    lab.grey().decide(good);
    lab.after_s(60);
    CHECK(lab.answer(good) == kPassed);
    lab.grey().decide(mail);
    lab.clock.set_unix_seconds(lab.clock.unix_seconds() + jump);
    lab.after_s(59);
    CHECK(lab.answer(mail) == kEarly);
    lab.commit();  // notes what the wall clock now says
    lab.after_s(1);
    lab.reopen();
    CHECK(lab.answer(mail) == kPassed);
    CHECK(lab.answer(good) == kKnown);
  }
}

TEST_CASE("a wall clock set back between runs lengthens no embargo") {
  for (const int64_t jump : {-1L, -61L, -400 * static_cast<long>(kDay)}) {
    CAPTURE(jump);
    GreyLab lab;
    const auto mail = attempt_from("192.0.2.1"), good = attempt_from("198.51.100.1");
    lab.grey().decide(good);
    lab.after_s(60);
    CHECK(lab.answer(good) == kPassed);
    lab.grey().decide(mail);
    lab.after_s(20);
    lab.grey().is_known(good.scopes);
    lab.commit();
    lab.close();
    lab.clock.set_unix_seconds(lab.clock.unix_seconds() + jump);
    lab.reopen();
    lab.after_s(39);
    CHECK(lab.answer(mail) == kEarly);
    lab.after_s(1);
    CHECK(lab.answer(mail) == kPassed);
    CHECK(lab.answer(good) == kKnown);
  }
}

TEST_CASE("a wall clock set ahead between runs ages what is known-good by a window at most") {
  GreyLab lab;
  const auto mail = attempt_from("192.0.2.1"), good = attempt_from("198.51.100.1");
  lab.grey().decide(good);
  lab.after_s(60);
  CHECK(lab.answer(good) == kPassed);
  lab.grey().decide(mail);
  lab.commit();
  lab.clock.set_unix_seconds(lab.clock.unix_seconds() + 400 * kDay);
  lab.reopen();
  lab.after_s(1);
  CHECK(lab.grey().expire_some(1000) == 2u);  // the windows of both mails have gone by
  CHECK(lab.answer(mail) == kNew);
  CHECK(lab.grey().is_known(good.scopes));
  lab.clock.set_unix_seconds(lab.clock.unix_seconds() + 400 * kDay);
  lab.reopen();
  lab.after_s(34 * kDay);
  CHECK(lab.grey().is_known(good.scopes));
}

TEST_CASE("a gate killed between commits loses no more than came after the last one") {
  GreyLab lab;
  lab.close();
  constexpr int kMails = 1000;
  auto mail = [](int n) { return attempt_from(fmt::format("10.{}.{}.1", n / 200, n % 200)); };
  CHECK(in_child([&] {
          auto grey = Greylist::open(lab.folder.path, lab.options, lab.clock);
          if (!grey) return 1;
          for (int n = 0; n < kMails; ++n) {
            if (n == kMails / 2 && !grey->commit()) return 2;
            grey->decide(mail(n));
          }
          ::kill(::getpid(), SIGKILL);
          return 3;
        }) == -1);
  lab.after_s(60);
  lab.reopen();
  for (int n = 0; n < kMails; ++n) CHECK(lab.answer(mail(n)) == (n < kMails / 2 ? kPassed : kNew));
}

TEST_CASE("a gate killed in the midst of a commit leaves a sound store") {
  GreyLab lab;
  lab.close();
  constexpr int kMails = 20'000;
  auto mail = [](int n) { return attempt_from(fmt::format("10.{}.{}.1", n / 200, n % 200)); };
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const hf::Fd read_end(ends[0]);
  hf::Fd write_end(ends[1]);
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    auto grey = Greylist::open(lab.folder.path, lab.options, lab.clock);
    if (!grey) ::_exit(1);
    for (int n = 0; n < kMails; ++n) grey->decide(mail(n));
    if (::write(write_end.get(), "", 1) != 1) ::_exit(2);
    static_cast<void>(grey->commit());  // killed during it, or after it
    ::pause();
  }
  write_end.reset();
  char byte;
  REQUIRE(::read(read_end.get(), &byte, 1) == 1);
  ::usleep(20'000);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);

  lab.after_s(60);
  lab.reopen();
  const auto before = lab.grey().size();
  REQUIRE(before);
  uint64_t kept = 0;
  for (int n = 0; n < kMails; ++n) kept += lab.answer(mail(n)) == kPassed;
  CHECK(kept == before->pending);
  lab.commit();
  lab.after_s(36 * kDay + kDay);
  const auto removed = lab.grey().expire_some(10 * kMails);
  REQUIRE(removed);
  CHECK(*removed == kMails + kept);  // every record has its age
}

TEST_CASE("a disk that fails keeps what was learnt in memory") {
  GreyLab lab;
  lab.close();
  // A file-size limit stands for a full disk; it is this child's alone.
  CHECK(in_child([&] {
          ::signal(SIGXFSZ, SIG_IGN);
          auto grey = Greylist::open(lab.folder.path, lab.options, lab.clock);
          if (!grey) return 1;
          grey->decide(attempt_from("192.0.2.1"));
          const rlimit none{0, RLIM_INFINITY};
          if (::setrlimit(RLIMIT_FSIZE, &none) != 0) return 2;
          const auto failed = grey->commit();
          if (failed || !contains(failed.error().message, "disk is full or failing")) return 3;
          const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
          if (::setrlimit(RLIMIT_FSIZE, &all) != 0) return 4;
          if (grey->decide(attempt_from("192.0.2.1")).answer != kEarly) return 5;
          return grey->commit() ? 0 : 6;
        }) == 0);
  lab.after_s(60);
  lab.reopen();
  CHECK(lab.answer(attempt_from("192.0.2.1")) == kPassed);
}

TEST_CASE("a record that was lost does not stop the expiry of others") {
  GreyLab lab;
  lab.grey().decide(attempt_from("192.0.2.1"));
  lab.commit();
  lab.close();
  {
    using namespace lmdb;
    MDB_env* env = nullptr;
    REQUIRE(::mdb_env_create(&env) == 0);
    const Env closes(env);
    MDB_txn* txn = nullptr;
    MDB_dbi mails = 0;
    ::mdb_env_set_maxdbs(env, 4);
    REQUIRE(::mdb_env_open(env, (lab.folder.path + "/grey.mdb").c_str(), MDB_NOSUBDIR, 0600) == 0);
    REQUIRE(::mdb_txn_begin(env, nullptr, 0, &txn) == 0);
    REQUIRE(::mdb_dbi_open(txn, "mails", 0, &mails) == 0);
    REQUIRE(::mdb_drop(txn, mails, 0) == 0);
    REQUIRE(::mdb_txn_commit(txn) == 0);
  }
  lab.reopen();
  lab.after_s(1);
  lab.grey().decide(attempt_from("198.51.100.1"));
  lab.commit();
  lab.after_s(2 * kDay);
  CHECK(lab.grey().expire_some(1000) == 2u);
  const auto size = lab.grey().size();
  REQUIRE(size);
  CHECK(size->pending == 0);
}

TEST_CASE("another process tells the story of a client while the gate runs") {
  GreyLab lab;
  const int64_t start = lab.clock.unix_seconds();
  const auto mail = attempt_from("192.0.2.1", "out.sender.example", "sender.example");
  auto second = attempt_from("192.0.2.1");
  second.recipient = "eve@here.example";
  lab.after_s(5);
  lab.grey().decide(mail);
  lab.after_s(30);
  lab.grey().decide(mail);
  lab.grey().decide(second);
  lab.grey().decide(attempt_from("198.51.100.1"));
  lab.commit();
  CHECK(in_child([&] {
          const auto reader = GreyReader::open(lab.folder.path);
          if (!reader) return 1;
          const auto story = reader->story(ip("192.0.2.1"));
          if (!story || story->mails.size() != 2 || !story->known.empty()) return 2;
          const GreyEntry& first = story->mails[0];
          if (first.kind != GreyScopeKind::kSpf || first.tries != 2 || first.passed != 0) return 3;
          if (first.first != start + 5 || first.last != start + 35) return 4;
          const auto stranger = reader->story(ip("203.0.113.1"));
          return stranger && stranger->mails.empty() && stranger->known.empty() ? 0 : 5;
        }) == 0);
  lab.after_s(40);
  CHECK(lab.answer(mail) == kPassed);
  lab.commit();
  CHECK(in_child([&] {
          const auto reader = GreyReader::open(lab.folder.path);
          if (!reader) return 1;
          const auto story = reader->story(ip("192.0.2.1"));
          if (!story || story->mails.size() != 2 || story->known.size() != 3) return 2;
          if (story->mails[0].passed != start + 75) return 3;
          const auto neighbour = reader->story(ip("192.0.2.99"));  // of the known network
          if (!neighbour || neighbour->known.size() != 1) return 4;
          int known = 0, mails = 0;
          const auto walk = reader->for_each([&](const GreyEntry& entry) {
            ++(entry.known ? known : mails);
            return true;
          });
          if (!walk || known != 3 || mails != 5) return 5;
          int seen = 0;
          const auto stopped = reader->for_each([&](const GreyEntry&) { return ++seen < 2; });
          return stopped && seen == 2 ? 0 : 6;
        }) == 0);
}

TEST_CASE("nothing personal is on disk, and the key is its owner's only") {
  GreyLab lab;
  auto mail = attempt_from("192.0.2.77", "out.sender.example", "sender.example");
  lab.grey().decide(mail);
  lab.after_s(60);
  lab.grey().decide(mail);
  lab.commit();
  lab.close();
  struct stat info {};
  REQUIRE(::stat((lab.folder.path + "/grey.key").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(info.st_size == 16);
  const auto bytes = hf::read_file(lab.folder.path + "/grey.mdb");
  REQUIRE(bytes);
  using namespace std::string_view_literals;
  for (const auto name : {"sender"sv, "example"sv, "amy"sv, "192.0"sv, "\xc0\0\2\x4d"sv, "spf:"sv})
    CHECK_FALSE(contains(*bytes, name));
}

TEST_CASE("what cannot be opened says what to do") {
  hf::ManualClock clock;
  {
    const GreyFolder folder;
    const auto reader = GreyReader::open(folder.path);
    REQUIRE_FALSE(reader);
    CHECK(reader.error().sys == ENOENT);
    CHECK(contains(reader.error().message, "the gate makes it"));
    CHECK(std::filesystem::is_empty(folder.path));
  }
  {
    const GreyFolder folder;
    REQUIRE(hf::write_file_atomically(folder.path + "/grey.key", "short"));
    CHECK(contains(error_at(folder, clock), "it holds 5 bytes, a key has 16"));
  }
  {
    const GreyFolder folder;
    REQUIRE(hf::write_file_atomically(folder.path + "/grey.mdb", std::string(8192, 'x')));
    CHECK(contains(error_at(folder, clock), "a new greylist is then begun"));
  }
  {
    GreyFolder folder;
    folder.path += "/absent";
    CHECK(contains(error_at(folder, clock), "absent/grey.key"));
  }
}
