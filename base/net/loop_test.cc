// SPDX-License-Identifier: Apache-2.0
#include "base/net/loop.h"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using hf::Fd;
using hf::Loop;

namespace {

struct TestHandler final : hf::ReadyHandler {
  std::function<void(uint32_t)> action;
  void on_ready(uint32_t events) override { action(events); }
};

struct TestTimer final : hf::Timer {
  std::function<void()> action;
  void on_timer() override { action(); }
};

struct Pipe {
  Fd read_end, write_end;
  Pipe() {
    int fds[2];
    REQUIRE(::pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0);
    read_end = Fd(fds[0]);
    write_end = Fd(fds[1]);
  }
  void fill() const { REQUIRE(::write(write_end.get(), "x", 1) == 1); }
};

std::unique_ptr<Loop> make_loop() {
  auto loop = Loop::create();
  REQUIRE(loop.has_value());
  return std::move(*loop);
}

}  // namespace

TEST_CASE("a handler is called while its descriptor is ready, and for what it asked") {
  const auto loop = make_loop();
  const Pipe pipe;
  TestHandler reader, writer;
  uint32_t reads = 0, writes = 0;
  reader.action = [&](uint32_t events) {
    CHECK(events == EPOLLIN);
    ++reads;
  };
  writer.action = [&](uint32_t) { ++writes; };
  REQUIRE(loop->watch(pipe.read_end.get(), EPOLLIN, &reader).has_value());
  REQUIRE(loop->watch(pipe.write_end.get(), 0, &writer).has_value());
  loop->run_once(0);
  CHECK(reads == 0);

  pipe.fill();
  loop->run_once(-1);
  loop->run_once(-1);  // level-triggered: nothing was read, so it is told again
  CHECK(reads == 2);
  CHECK(writes == 0);

  loop->rewatch(pipe.write_end.get(), EPOLLOUT, &writer);
  loop->unwatch(pipe.read_end.get(), &reader);
  loop->run_once(-1);
  CHECK(reads == 2);
  CHECK(writes == 1);
}

TEST_CASE("a handler unwatched by another in the same round is not called") {
  const auto loop = make_loop();
  const Pipe pipes[2];
  TestHandler handlers[2];
  int calls = 0;
  for (int i : {0, 1}) {
    handlers[i].action = [&, i](uint32_t) {
      ++calls;
      loop->unwatch(pipes[1 - i].read_end.get(), &handlers[1 - i]);
    };
    REQUIRE(loop->watch(pipes[i].read_end.get(), EPOLLIN, &handlers[i]).has_value());
    pipes[i].fill();
  }
  loop->run_once(-1);
  CHECK(calls == 1);
}

TEST_CASE("watching what cannot be watched is an error") {
  const auto loop = make_loop();
  TestHandler handler;
  CHECK_FALSE(loop->watch(-1, EPOLLIN, &handler).has_value());
}

TEST_CASE("work posted from other threads runs on the loop's thread, in order, all of it") {
  const auto loop = make_loop();
  constexpr int kThreads = 3, kTasks = 20'000;
  int next[kThreads] = {};
  int done = 0;
  const auto home = std::this_thread::get_id();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i)
        loop->post([&, t, i] {
          if (next[t] != i || std::this_thread::get_id() != home) return;
          ++next[t];
          if (++done == kThreads * kTasks) loop->stop();
        });
    });
  loop->run();
  for (auto& thread : threads) thread.join();
  CHECK(done == kThreads * kTasks);
}

TEST_CASE("what a posted task posts waits for the next round") {
  const auto loop = make_loop();
  int runs = 0;
  std::function<void()> again = [&] {
    if (++runs < 3) loop->post(again);
  };
  loop->post(again);
  loop->run_once(0);
  CHECK(runs == 1);
  loop->run_once(-1);
  loop->run_once(-1);
  CHECK(runs == 3);
}

TEST_CASE("stop() from another thread ends a loop that sleeps") {
  const auto loop = make_loop();
  std::thread stopper([&] { loop->stop(); });
  loop->run();
  stopper.join();
  loop->run();  // it stays stopped
}

TEST_CASE("a timer wakes the loop, after what was ready and before the round's end") {
  const auto loop = make_loop();
  const Pipe pipe;
  std::string order;
  TestHandler handler;
  handler.action = [&](uint32_t) { order += 'r'; };
  TestTimer timer;
  timer.action = [&] { order += 't'; };
  loop->at_round_end([&] { order += 'e'; });

  const uint64_t start = loop->now_ms();
  loop->set_timer(timer, start + 30);
  while (timer.armed()) loop->run_once(-1);
  CHECK(loop->now_ms() >= start + 30);
  CHECK(order.find("te") != std::string::npos);
  CHECK(hf::system_clock().steady_ms() >= start + 30);

  order.clear();
  REQUIRE(loop->watch(pipe.read_end.get(), EPOLLIN, &handler).has_value());
  pipe.fill();
  loop->set_timer(timer, loop->now_ms());
  const timespec nap{0, 40'000'000};
  nanosleep(&nap, nullptr);
  loop->run_once(-1);
  CHECK(order == "rte");
}

TEST_CASE("run_once waits no longer than it is told") {
  const auto loop = make_loop();
  TestTimer timer;
  timer.action = [] {};
  loop->set_timer(timer, loop->now_ms() + 60'000);
  const uint64_t start = hf::system_clock().steady_ms();
  loop->run_once(20);
  CHECK(hf::system_clock().steady_ms() < start + 10'000);
  CHECK(timer.armed());
}
