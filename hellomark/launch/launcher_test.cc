// SPDX-License-Identifier: Apache-2.0
#include "hellomark/launch/launcher.h"

#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

namespace hellomark {
namespace {

Command command(std::vector<std::string> argv) {
  auto found = find_command(std::move(argv));
  REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().message));
  return *found;
}

Command shell(const std::string& script) {
  return command({"sh", "-c", script});
}

Launcher launcher(const std::vector<Command>& commands, const LauncherOptions& options = {}) {
  auto started = Launcher::start(commands, options);
  REQUIRE_MESSAGE(started.has_value(), (started ? "" : started.error().message));
  return std::move(*started);
}

RunRecord run_once(const Command& what, RunRequest request = {},
                   const LauncherOptions& options = {}) {
  Launcher started = launcher({what}, options);
  const auto records = started.run({&request, 1});
  REQUIRE(records.has_value());
  REQUIRE(records->size() == 1);
  return records->front();
}

TEST_CASE("a run has its phases in order, and its exit status") {
  const RunRecord record = run_once(shell("echo hello; exit 3"));
  CHECK(WIFEXITED(record.wait_status));
  CHECK(WEXITSTATUS(record.wait_status) == 3);
  CHECK(record.exec_ns > 0);
  CHECK(record.first_byte_ns > record.exec_ns);
  CHECK(record.wall_ns >= record.first_byte_ns);
  CHECK(record.output_bytes == 6);
  CHECK(record.left_running == 0);
  CHECK(record.minor_faults > 0);
}

TEST_CASE("silent commands have no first byte") {
  CHECK(run_once(command({"true"})).first_byte_ns == -1);
}

TEST_CASE("a signal that ends a command is in its status") {
  const RunRecord record = run_once(shell("kill -SEGV $$"));
  REQUIRE(WIFSIGNALED(record.wait_status));
  CHECK(WTERMSIG(record.wait_status) == SIGSEGV);
}

TEST_CASE("a command that writes much is drained") {
  CHECK(run_once(command({"head", "-c", "50000000", "/dev/zero"})).output_bytes == 50'000'000);
}

TEST_CASE("what does not end is killed at its time, traced or not") {
  for (const bool traced : {false, true}) {
    const RunRecord record =
        run_once(shell("sleep 100 & sleep 100"), {.timeout_ns = 50'000'000, .traced = traced});
    CHECK(record.timed_out);
    CHECK(record.wall_ns >= 50'000'000);
    CHECK(WIFSIGNALED(record.wait_status));
  }
}

TEST_CASE("what a command leaves running is killed, in its group or in a session of its own") {
  CHECK(run_once(shell("sleep 100 &")).left_running == 1);
  CHECK(run_once(shell("setsid sleep 100 & setsid sleep 100 &")).left_running == 2);
  CHECK(run_once(shell("setsid sleep 100 &"), {.traced = true}).left_running == 1);
}

TEST_CASE("a batch keeps the order that was asked for") {
  Launcher started = launcher({shell("exit 0"), shell("exit 1"), shell("exit 2")});
  std::vector<RunRequest> requests;
  for (const uint32_t which : {2, 0, 1, 1, 2}) requests.push_back({.command = which});
  const auto records = started.run(requests);
  REQUIRE(records.has_value());
  REQUIRE(records->size() == requests.size());
  for (size_t i = 0; i < requests.size(); ++i)
    CHECK(WEXITSTATUS((*records)[i].wait_status) == int(requests[i].command));
}

TEST_CASE("padding lengthens the environment by what was asked for") {
  const auto bytes_of = [](uint32_t pad) {
    return run_once(shell("printf %s \"$HELLOMARK_PAD\""), {.pad_bytes = pad}).output_bytes;
  };
  CHECK(bytes_of(0) == 0);
  CHECK(bytes_of(1) == 1);
  CHECK(bytes_of(kMaxPad) == kMaxPad);
}

TEST_CASE("commands read their input from the start, and run where they should") {
  CHECK(run_once(command({"cat"})).output_bytes == 0);
  LauncherOptions options{.input_file = "/proc/self/cmdline", .directory = "/"};
  Launcher started = launcher({command({"cat"}), command({"pwd"})}, options);
  const RunRequest requests[] = {{.command = 0}, {.command = 0}, {.command = 1}};
  const auto records = started.run(requests);
  REQUIRE(records.has_value());
  CHECK((*records)[0].output_bytes > 0);
  CHECK((*records)[1].output_bytes == (*records)[0].output_bytes);
  CHECK((*records)[2].output_bytes == 2);
}

TEST_CASE("a program that cannot be executed is an error of that run") {
  const RunRecord record = run_once(Command{"/etc/passwd", {"passwd"}});
  CHECK(record.error == EACCES);
}

TEST_CASE("commands that cannot be found say why") {
  CHECK(find_command({"no-such-program-x"}).error().message ==
        "no-such-program-x: no such program in PATH");
  CHECK(find_command({"/etc"}).error().message == "/etc: is a folder, not a program");
  CHECK(find_command({"/etc/passwd"}).error().message.find("not executable") != std::string::npos);
  CHECK(find_command({"./nothing"}).error().sys == ENOENT);
  CHECK(find_command({}).error().message == "the command is empty");
}

TEST_CASE("the floor program only exits") {
  auto floor = floor_command();
  REQUIRE(floor.has_value());
  const RunRecord record = run_once(*floor, {.traced = true});
  CHECK(record.wait_status == 0);
  CHECK(record.peak_bytes < 200 * 1024);
}

TEST_CASE("the peak of a process is its own, whatever the size of who asks") {
  std::vector<char> ballast(300 << 20, 'x');
  const RunRecord record = run_once(command({"true"}), {.traced = true});
  REQUIRE(record.traced);
  CHECK(record.peak_bytes > 500 * 1024);
  CHECK(record.peak_bytes < 8 << 20);
  CHECK(record.processes == 1);
}

TEST_CASE("two children that hold memory at once are added up") {
  const RunRecord record =
      run_once(command({"perl", "-e",
                        "for (1..2) { if (!fork) { my $x; vec($x, 50e6, 8) = 1; sleep 1; exit } } "
                        "wait; wait"}),
               {.traced = true});
  CHECK(record.processes == 3);
  CHECK(record.largest_bytes > 50'000'000);
  CHECK(record.largest_bytes < 60'000'000);
  CHECK(record.peak_bytes > 100'000'000);
  CHECK(record.peak_bytes < 115'000'000);
}

TEST_CASE("a watcher sees the processes of a traced run, and the map is kept") {
  Launcher started = launcher({shell("sleep 0.2 & sleep 0.2; wait")});
  started.want_maps(true);
  size_t most = 0;
  const Launcher::Watcher watcher{[&](auto live) {
    most = std::max(most, live.size());
    return true;
  }};
  const RunRequest request{.traced = true};
  REQUIRE(started.run({&request, 1}, &watcher).has_value());
  CHECK(most == 3);
  CHECK(started.maps().find("libc.so") != std::string::npos);
}

TEST_CASE("a watcher that has seen enough ends the run") {
  Launcher started = launcher({command({"sleep", "100"})});
  const Launcher::Watcher watcher{[](auto live) { return live.empty(); }};
  const RunRequest request{.traced = true};
  const auto records = started.run({&request, 1}, &watcher);
  REQUIRE(records.has_value());
  CHECK(records->front().stopped);
  CHECK(WIFSIGNALED(records->front().wait_status));
  CHECK(started.run({&request, 0}).has_value());  // and the launcher goes on
}

}  // namespace
}  // namespace hellomark
