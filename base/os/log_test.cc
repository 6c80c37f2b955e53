// SPDX-License-Identifier: Apache-2.0
#include "base/os/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "base/core/text.h"
#include "base/os/file.h"

namespace {

using hf::log_connection;
using hf::log_info;
using hf::log_warn;

/// A folder of its own, gone with its contents at the end; the log goes back to stderr.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/hf_log_XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Folder() {
    CHECK(hf::open_log({}, "info"));
    std::filesystem::remove_all(path_);
  }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::vector<std::string> lines_of(const std::string& path) {
  const auto text = hf::read_file(path);
  REQUIRE(text);
  std::vector<std::string> lines;
  for (const std::string_view line : hf::split(*text, '\n')) lines.emplace_back(line);
  CHECK(lines.back().empty());
  lines.pop_back();
  return lines;
}

/// What `body` writes to stderr in a process of its own, for which stderr is a pipe.
std::string stderr_of(const std::function<void()>& body) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  hf::Fd reader(ends[0]), writer(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(writer.get(), STDERR_FILENO);
    body();
    hf::flush_log();
    ::_exit(0);
  }
  writer.reset();
  const auto text = hf::read_all(reader.get());
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  return text.value_or("unreadable");
}

}  // namespace

TEST_CASE("lines have a UTC time with milliseconds and a level; records stand alone") {
  const Folder folder;
  REQUIRE(hf::open_log(folder.file("log"), "info"));
  log_info("listening on {}", 25);
  log_connection("conn v=1 {id}");
  hf::log_error("broken");
  const auto lines = lines_of(folder.file("log"));
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].size() == std::string("2026-11-21T08:00:00.123Z info listening on 25").size());
  CHECK(lines[0].substr(24) == " info listening on 25");
  const auto time = hf::parse_utc(lines[0].substr(0, 19) + "Z");
  REQUIRE(time);
  CHECK(std::abs(*time - static_cast<int64_t>(::time(nullptr))) < 60);
  CHECK(lines[1] == "conn v=1 {id}");
  CHECK(lines[2].substr(24) == " error broken");
}

TEST_CASE("a level leaves out what is below it") {
  const Folder folder;
  REQUIRE(hf::open_log(folder.file("log"), "warn"));
  log_info("quiet");
  log_connection("conn v=1");
  log_warn("loud");
  const auto lines = lines_of(folder.file("log"));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].substr(24) == " warning loud");
}

TEST_CASE("an unknown level or folder is an error that names it") {
  const Folder folder;
  const auto level = hf::open_log({}, "loud");
  REQUIRE_FALSE(level);
  CHECK(level.error().message == "log level \"loud\" is unknown: use debug, info, warn or error");
  const auto place = hf::open_log(folder.file("none/log"), "info");
  REQUIRE_FALSE(place);
  CHECK(place.error().message.find(folder.file("none/log")) != std::string::npos);
}

TEST_CASE("lines wait until the log is flushed, and warnings do not") {
  const Folder folder;
  REQUIRE(hf::open_log(folder.file("log"), "info"));
  log_info("first after a pause");
  log_info("second");
  log_info("third");
  CHECK(lines_of(folder.file("log")).size() < 3);
  hf::flush_log();
  CHECK(lines_of(folder.file("log")).size() == 3);
  log_warn("at once");
  CHECK(lines_of(folder.file("log")).size() == 4);
}

TEST_CASE("after rotation the log goes on under its old name") {
  const Folder folder;
  REQUIRE(hf::open_log(folder.file("log"), "info"));
  log_info("before");
  std::filesystem::rename(folder.file("log"), folder.file("log.1"));
  log_info("still before");
  hf::reopen_log();
  log_info("after");
  hf::flush_log();
  CHECK(lines_of(folder.file("log.1")).size() == 2);
  CHECK(lines_of(folder.file("log")).size() == 1);
}

TEST_CASE("a full disk keeps some lines and counts the others") {
  const Folder folder;
  REQUIRE(hf::log_to(hf::Fd(::open("/dev/full", O_WRONLY | O_CLOEXEC)), "info"));
  const std::string line(1000, 'x');
  for (int i = 0; i < 3000; ++i) log_warn("{}", line);
  REQUIRE(hf::open_log(folder.file("log"), "info"));
  log_info("there is room again");
  hf::flush_log();
  log_info("{}", "more");
  hf::flush_log();
  const auto lines = lines_of(folder.file("log"));
  REQUIRE(lines.size() > 1000);
  CHECK(lines.size() < 1100);
  CHECK(lines[lines.size() - 2].ends_with(" log lines were lost: the log could not be written"));
  CHECK(lines.back().ends_with(" info more"));
}

TEST_CASE("stderr: priorities if it is the journal, else times") {
  const std::string plain = stderr_of([] {
    ::setenv("JOURNAL_STREAM", "1:1", 1);
    (void)hf::open_log({}, "info");
    log_warn("careful");
  });
  CHECK(plain.find("Z warning careful\n") == 23);

  const std::string journal = stderr_of([] {
    struct stat st{};
    ::fstat(STDERR_FILENO, &st);
    ::setenv("JOURNAL_STREAM", fmt::format("{}:{}", st.st_dev, st.st_ino).c_str(), 1);
    (void)hf::open_log({}, "debug");
    hf::log_debug("detail");
    log_info("news");
    log_connection("conn v=1");
    log_warn("careful");
    hf::log_error("broken");
  });
  CHECK(journal == "<7>detail\n<6>news\n<6>conn v=1\n<4>careful\n<3>broken\n");
}

TEST_CASE("a stderr that is closed, or that nobody reads, does no harm") {
  stderr_of([] {
    ::close(STDERR_FILENO);
    for (int i = 0; i < 100; ++i) log_warn("into nothing");
  });
  stderr_of([] {
    int ends[2];
    if (::pipe(ends) != 0) ::_exit(1);
    ::dup2(ends[1], STDERR_FILENO);
    // A pipe holds 64 KiB: much more must not block, and is counted once there is room again.
    const std::string line(1000, 'x');
    for (int i = 0; i < 3000; ++i) log_warn("{}", line);
    std::string seen(2'000'000, '\0');
    size_t size = 0;
    for (int i = 0; i < 100 && seen.find(" lines were lost") == seen.npos; ++i) {
      const ssize_t n = ::read(ends[0], seen.data() + size, 65536);
      if (n > 0) size += static_cast<size_t>(n);
      hf::flush_log();
    }
    if (seen.find(" lines were lost") == seen.npos) ::_exit(2);
    ::close(ends[0]);  // now there is no reader at all
    log_warn("into nothing");
    ::close(ends[1]);
  });
}

TEST_CASE("lines of many threads stay whole") {
  const Folder folder;
  REQUIRE(hf::open_log(folder.file("log"), "info"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 5000; ++i) log_connection(fmt::format("conn v=1 id={}-{:04}", t, i));
    });
  for (std::thread& thread : threads) thread.join();
  hf::flush_log();
  const auto lines = lines_of(folder.file("log"));
  CHECK(lines.size() == 20'000);
  std::vector<std::string> next(4, "0000");
  for (const std::string& line : lines) {
    REQUIRE(line.size() == std::string("conn v=1 id=0-0000").size());
    std::string& expected = next[static_cast<size_t>(line[12] - '0')];
    REQUIRE(line.substr(14) == expected);
    expected = fmt::format("{:04}", *hf::parse_int(expected, 0, 9999) + 1);
  }
}

TEST_CASE("a line costs microseconds") {
  const Folder folder;
  REQUIRE(hf::open_log(folder.file("log"), "info"));
  constexpr int kLines = 100'000;
  const std::string record(300, 'r');
  auto cpu_us = [] {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
  };
  const double before = cpu_us();
  for (int i = 0; i < kLines; ++i) log_info("{} {}", record, i);
  hf::flush_log();
  const double spent = (cpu_us() - before) / kLines;
  MESSAGE(spent << " us of CPU a line of 300 bytes");
  CHECK(spent < 50);  // the aim is 2; sanitizers take ten times as much
}
