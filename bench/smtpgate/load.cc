// SPDX-License-Identifier: Apache-2.0
//
// smtp_load: drives a mail port with a mix of senders from many addresses and tells, as one line of
// JSON, what became of each. It needs a machine or namespace where 11.0.0.0/8 is local
// (`ip route add local 11.0.0.0/8 dev lo`), and stops by itself.
//
// One thread, edge-triggered epoll, no system call per connection that a real client would not
// make too: on two cores the generator's own cost is part of how fast "as fast as possible" is.
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/core/text.h"
#include "bench/smtpgate/client.h"
#include "bench/smtpgate/tally.h"

namespace bench {
namespace {

uint64_t now_us() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

struct Options {
  hf::Endpoint server;
  std::array<uint32_t, kKinds> weights{};
  uint32_t connections = 1000;
  uint32_t concurrency = 1000;
  uint32_t addresses = 1000;  // over all kinds, shared out as the mix is
  uint32_t skip = 0;          // strangers' addresses to pass over: those of runs before
  double rate = 0;            // connections a second; 0 is as fast as `concurrency` lets
  double timeout_s = 30;      // of one connection
  double limit_s = 600;       // of the whole run
  double hold_s = 10;         // how long silent clients stay once all are connected
  std::string recipient = "user@example.com";
};

hf::Result<std::array<uint32_t, kKinds>> parse_mix(std::string_view text) {
  std::array<uint32_t, kKinds> weights{};
  for (const std::string_view part : hf::split(text, ',')) {
    const size_t equals = part.find('=');
    const auto name = std::find(kKindNames.begin(), kKindNames.end(), part.substr(0, equals));
    const auto weight = equals == std::string_view::npos
                            ? std::optional<int64_t>(1)
                            : hf::parse_int(part.substr(equals + 1), 1, 1'000'000);
    if (name == kKindNames.end() || !weight)
      return hf::fail("--mix: '" + std::string(part) + "' is not KIND or KIND=WEIGHT; kinds are " +
                      "pregreet, listed, hangup, unknown, good, mail, idle");
    weights[static_cast<size_t>(name - kKindNames.begin())] = static_cast<uint32_t>(*weight);
  }
  return weights;
}

/// Deals out kinds in proportion to the weights, evenly interleaved, and each kind's addresses in
/// turn: the same options give the same sequence.
class Dealer {
 public:
  explicit Dealer(const Options& options) : options_(options) {
    for (const uint32_t weight : options.weights) total_ += weight;
  }

  struct Card {
    Kind kind;
    hf::IpAddress source;
  };
  Card next() {
    size_t best = 0;
    for (size_t i = 0; i < kKinds; ++i) {
      credit_[i] += options_.weights[i];
      if (credit_[i] > credit_[best]) best = i;
    }
    credit_[best] -= total_;
    const uint64_t share = uint64_t{options_.addresses} * options_.weights[best] / total_;
    const uint32_t addresses = share == 0 ? 1 : static_cast<uint32_t>(share);
    const Kind kind = static_cast<Kind>(best);
    const bool stranger = kind != Kind::kGood && kind != Kind::kMail;
    const uint32_t index = dealt_[best]++ % addresses + (stranger ? options_.skip : 0);
    return {kind, source_address(kind, index)};
  }

 private:
  const Options& options_;
  int64_t total_ = 0;
  std::array<int64_t, kKinds> credit_{};
  std::array<uint32_t, kKinds> dealt_{};
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), dealer_(options), slots_(options.concurrency) {
    for (uint32_t i = options.concurrency; i-- > 0;) free_.push_back(i);
  }

  hf::Result<std::string> run() {
    epoll_ = hf::Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) return hf::fail(hf::sys_error("epoll_create1"));
    const uint64_t start = now_us();
    const uint64_t limit = start + static_cast<uint64_t>(options_.limit_s * 1e6);
    uint64_t now = start;
    while (now < limit && (launched_ < options_.connections || alive_ > 0)) {
      HF_TRY(launch(now, start));
      if (only_silent_left(now)) break;
      wait(now, start);
      now = now_us();
      expire(now);
    }
    for (uint32_t i = 0; i < slots_.size(); ++i) {
      if (!slots_[i].client) continue;
      slots_[i].client->abort(slots_[i].client->kind() == Kind::kIdle ? Outcome::End::kHeld
                                                                      : Outcome::End::kUnfinished);
      release(i);
    }
    return tally_.to_json(static_cast<double>(now_us() - start) / 1e6);
  }

 private:
  struct Slot {
    std::optional<Client> client;
    uint32_t serial = 0;  // tells a slot's successive clients apart
  };
  struct Deadline {
    uint64_t at_us;
    uint32_t slot, serial;
  };

  hf::Result<void> launch(uint64_t now, uint64_t start) {
    uint64_t due = options_.connections;
    if (options_.rate > 0) {
      const double elapsed = static_cast<double>(now - start) / 1e6;
      due = std::min(due, static_cast<uint64_t>(elapsed * options_.rate) + 1);
    }
    // Connections already made are served between batches.
    for (int batch = 0; batch < 64 && launched_ < due && !free_.empty(); ++batch, ++launched_) {
      const auto [kind, source] = dealer_.next();
      const uint64_t began = now_us();
      auto client = Client::connect(kind, options_.server, source, options_.recipient, began);
      if (!client) return hf::fail(std::move(client).error());
      const uint32_t i = free_.back();
      free_.pop_back();
      Slot& slot = slots_[i];
      slot.client = std::move(*client);
      epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u32 = i}};
      if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, slot.client->fd(), &event) != 0)
        return hf::fail(hf::sys_error("epoll_ctl"));
      ++alive_;
      if (kind == Kind::kIdle) {
        ++silent_;
      } else {
        deadlines_.push_back(
            {began + static_cast<uint64_t>(options_.timeout_s * 1e6), i, slot.serial});
      }
    }
    return {};
  }

  /// Once all else is done, silent clients stay for the hold time; says so when it begins.
  bool only_silent_left(uint64_t now) {
    if (launched_ < options_.connections || alive_ == 0 || alive_ != silent_) return false;
    if (!hold_until_) {
      for (const Slot& slot : slots_)
        if (slot.client && !slot.client->connected()) return false;
      hold_until_ = now + static_cast<uint64_t>(options_.hold_s * 1e6);
      std::printf("{\"holding\":%u}\n", silent_);
      std::fflush(stdout);
    }
    return now >= *hold_until_;
  }

  void wait(uint64_t now, uint64_t start) {
    int timeout_ms = 50;
    if (launched_ < options_.connections && !free_.empty()) {
      const double next = static_cast<double>(launched_) / std::max(options_.rate, 1e-9) * 1e3;
      const double elapsed = static_cast<double>(now - start) / 1e3;
      timeout_ms = options_.rate > 0 ? std::clamp(static_cast<int>(next - elapsed), 0, 50) : 0;
    }
    std::array<epoll_event, 256> events;
    const int ready = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
    for (int i = 0; i < ready; ++i) {
      const uint32_t slot = events[i].data.u32;
      if (slots_[slot].client->on_ready(events[i].events, now_us())) release(slot);
    }
  }

  void expire(uint64_t now) {
    for (; !deadlines_.empty() && deadlines_.front().at_us <= now; deadlines_.pop_front()) {
      Slot& slot = slots_[deadlines_.front().slot];
      if (slot.serial != deadlines_.front().serial) continue;
      slot.client->abort(Outcome::End::kTimedOut);
      release(deadlines_.front().slot);
    }
  }

  void release(uint32_t i) {
    Slot& slot = slots_[i];
    tally_.add(slot.client->kind(), slot.client->outcome());
    if (slot.client->kind() == Kind::kIdle) --silent_;
    slot.client.reset();  // closing takes it out of epoll
    ++slot.serial;
    free_.push_back(i);
    --alive_;
  }

  const Options& options_;
  Dealer dealer_;
  Tally tally_;
  hf::Fd epoll_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  std::deque<Deadline> deadlines_;  // in order, since every connection has the same time
  uint32_t launched_ = 0, alive_ = 0, silent_ = 0;
  std::optional<uint64_t> hold_until_;
};

int run(int argc, char** argv) {
  Options options;
  std::string server, mix = "pregreet=35,listed=40,hangup=10,unknown=5,good=10";
  CLI::App app("Drives a mail port with a mix of senders and prints what became of them.");
  app.add_option("server", server, "ADDRESS:PORT to connect to")->required();
  app.add_option("--mix", mix, "KIND[=WEIGHT],…: pregreet listed hangup unknown good mail idle")
      ->capture_default_str();
  app.add_option("--connections", options.connections)->capture_default_str();
  app.add_option("--concurrency", options.concurrency, "connections open at once")
      ->capture_default_str()
      ->check(CLI::Range(1u, 1'000'000u));
  app.add_option("--addresses", options.addresses, "source addresses, shared out as the mix is")
      ->capture_default_str();
  app.add_option("--skip", options.skip, "addresses of each kind but good and mail to pass over");
  app.add_option("--rate", options.rate, "connections a second; 0: no limit");
  app.add_option("--timeout", options.timeout_s, "seconds for one connection")
      ->capture_default_str();
  app.add_option("--limit", options.limit_s, "seconds for the whole run")->capture_default_str();
  app.add_option("--hold", options.hold_s, "seconds that idle clients stay")->capture_default_str();
  app.add_option("--recipient", options.recipient)->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const auto result = [&]() -> hf::Result<std::string> {
    HF_TRY_ASSIGN(options.server, hf::Endpoint::parse(server));
    HF_TRY_ASSIGN(options.weights, parse_mix(mix));
    return Load(options).run();
  }();
  if (!result) {
    std::fprintf(stderr, "smtp_load: %s\n", result.error().message.c_str());
    return 1;
  }
  std::puts(result->c_str());
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  return bench::run(argc, argv);
}
