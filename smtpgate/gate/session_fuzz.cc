// SPDX-License-Identifier: Apache-2.0
//
// Whole sessions in any order of events: what clients send, when they leave, DNS answers, time, what
// mail servers say, reloads, descriptors running out. Sockets are real, the clock and the DNS are
// not. Whatever comes: each connection leaves one log line, each descriptor is closed, and every
// client has been told nothing but SMTP replies.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <set>
#include <vector>

#include "base/core/text.h"
#include "base/net/tcp.h"
#include "base/os/file.h"
#include "base/os/log.h"
#include "base/os/process.h"
#include "smtpgate/gate/worker.h"
#include "smtpgate/policy/log_line.h"

using namespace smtpgate;

namespace {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::string bytes(size_t count) {
    count = std::min(count, size_);
    std::string out(reinterpret_cast<const char*>(data_), count);
    data_ += count;
    size_ -= count;
    return out;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

/// Keeps questions until they are answered.
class HandResolver final : public hf::Resolver {
 public:
  struct Question {
    std::string name;
    Callback done;
  };
  void ask(std::string_view name, hf::DnsType, Callback done) override {
    questions.push_back({std::string(name), std::move(done)});
  }
  std::deque<Question> questions;
};

constexpr const char* kCommands[] = {
    "EHLO c.example\r\n", "HELO c.example\r\n", "MAIL FROM:<a@c.example> SIZE=9\r\n",
    "MAIL FROM:<>\r\n", "RCPT TO:<b@mx.test>\r\n", "RCPT TO:<postmaster>\r\n", "DATA\r\n",
    "BDAT 7 LAST\r\n", "RSET\r\n", "NOOP\r\n", "QUIT\r\n", "GET / HTTP/1.1\r\n", "EHLO x\n",
    "STARTTLS\r\n", "PROXY TCP4 11.9.9.9 11.0.0.1 4711 25\r\n", "\r\n.\r\n"};
constexpr const char* kServerSays[] = {
    "220 mx.test ESMTP\r\n", "250 2.0.0 Ok\r\n", "250-mx.test\r\n250-SIZE 9\r\n250 8BITMIME\r\n",
    "250 SIZE 9\r\n", "354 go\r\n", "421 4.3.2 busy\r\n", "450 4.2.0 later\r\n",
    "550 5.1.1 no\r\n", "554 5.7.1 go away\r\n", "221 2.0.0 bye\r\n"};
constexpr const char* kClients[] = {"11.1.1.1", "11.1.1.2", "11.2.2.2",        "10.0.0.1",
                                    "11.3.3.3", "127.0.0.9", "2001:db8::1", "2001:db8:0:1::1"};
constexpr uint64_t kPauses[] = {1, 100, 1000, 2500, 7000, 61'000, 301'000, 700'000};

size_t open_descriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

/// The folder, store and log that all inputs share; nothing is committed, so they stay empty.
struct House {
  House() {
    std::string pattern = std::filesystem::temp_directory_path() / "session_XXXXXX";
    HF_CHECK(::mkdtemp(pattern.data()) != nullptr, "mkdtemp");
    folder = pattern;
    history = std::make_unique<HistoryStore>(
        std::move(*HistoryStore::open(folder, HistoryStore::Mode::kReadWrite, 1000)));
    log = hf::Fd(::memfd_create("log", MFD_CLOEXEC));
    HF_CHECK(hf::log_to(hf::Fd(::dup(log.get())), "info").has_value(), "log");
  }
  ~House() { std::filesystem::remove_all(folder); }

  std::string folder;
  std::unique_ptr<HistoryStore> history;
  hf::Fd log;
};

class World {
 public:
  World(House& house, uint8_t kind)
      : house_(house),
        pass_(listen("pass")),
        relay_(listen("relay")),
        greylist_(*Greylist::open(house.folder, {}, clock_)),
        master_(hf::Fd()),
        shared_(master_, *house.history, greylist_) {
    std::filesystem::resize_file(fmt::format("/proc/self/fd/{}", house.log.get()), 0);
    policies_ = {policy(GreyOnly::kSuspicious, true), policy(GreyOnly::kAll, true),
                 policy(GreyOnly::kNone, true), policy(GreyOnly::kAll, false)};
    auto resolver = std::make_unique<HandResolver>();
    resolver_ = resolver.get();
    worker_ = std::make_unique<Worker>(
        0, shared_, policies_[kind % policies_.size()], *house.history->reader(),
        [](uint32_t, hf::Fd, const hf::Endpoint&, const hf::Endpoint&) {},
        Worker::Seams{*hf::Loop::create(clock_), std::move(resolver)});
  }

  void play(Input& input) {
    while (!input.empty()) {
      step(input);
      worker_->loop().run_once(0);
    }
  }

  /// Lets everything end, and looks at what is left.
  void finish() {
    bool drained = false;
    worker_->drain(Millis(1000), [&] { drained = true; });
    for (int i = 0; i < 20 && !drained; ++i) {
      worker_->loop().run_once(0);
      clock_.advance_ms(500);
    }
    HF_CHECK(drained, "every session ends");
    for (Peer& client : clients_) read_all(client);
    for (const Peer& client : clients_) check_replies(client.got);
    check_log();
  }

 private:
  /// One end of a connection that this program holds.
  struct Peer {
    hf::Fd fd;
    std::string got;
  };

  hf::Fd listen(const char* name) {
    const std::string path = house_.folder + "/" + name;
    ::unlink(path.c_str());
    hf::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{AF_UNIX, {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    HF_CHECK(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    HF_CHECK(::listen(fd.get(), 64) == 0, "listen");
    return fd;
  }

  Policy policy(GreyOnly only, bool enforce) {
    Config config;
    config.banner.name = "mx.test";
    config.backend.handoff = {*BackendUri::parse("postfix-pass:" + house_.folder + "/pass"),
                              *BackendUri::parse("proxy-v1:" + house_.folder + "/relay")};
    config.backend.stranger_slots = 1;
    config.mode.enforce = enforce;
    config.grey.only = only;
    config.limits.per_ip = 3;
    config.listen.proxy_from = {*hf::IpPrefix::parse("127.0.0.9/32")};
    ListConfig list;
    list.name = list.rule.zone = "bl.test";
    list.rule.weight = 4;
    config.lists.push_back(list);
    Policy out;
    out.rules = *Ruleset::load(config, open_directly);
    out.backends = std::make_shared<Backends>(out.rules->config);
    out.guards = std::make_shared<ZoneGuards>(out.rules->config, shared_.metrics, nullptr);
    return out;
  }

  void step(Input& input) {
    const uint8_t what = input.byte(), which = input.byte();
    switch (what % 12) {
      case 0: return connect(which);
      case 1:
      case 2: return say(clients_, which, kCommands[input.byte() % std::size(kCommands)]);
      case 3: return say(clients_, which, input.bytes(input.byte() % 32));
      case 4:
        if (Peer* peer = pick(clients_, which)) ::shutdown(peer->fd.get(), SHUT_WR);
        return;
      case 5: return close(clients_, which);
      case 6: return answer(which, input.byte());
      case 7:
        clock_.advance_ms(kPauses[which % std::size(kPauses)]);
        return;
      case 8: return accept_all();
      case 9: return say(servers_, which, kServerSays[input.byte() % std::size(kServerSays)]);
      case 10: return close(servers_, which);
      default:
        if (which % 4 == 0) return limit_descriptors(which % 8 == 0);
        return worker_->use(policies_[which % policies_.size()]);
    }
  }

  void connect(uint8_t which) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return;
    clients_.push_back({hf::Fd(pair[0]), {}});
    ++connected_;
    const hf::IpAddress client = *hf::IpAddress::parse(kClients[which % std::size(kClients)]);
    worker_->accept(hf::Fd(pair[1]), {client, ++port_},
                    {*hf::IpAddress::parse("11.255.0.25"), 25}, which >= 248);
  }

  Peer* pick(std::vector<Peer>& peers, uint8_t which) {
    if (peers.empty()) return nullptr;
    Peer& peer = peers[which % peers.size()];
    return peer.fd ? &peer : nullptr;
  }

  void say(std::vector<Peer>& peers, uint8_t which, std::string_view text) {
    if (Peer* peer = pick(peers, which))
      ::send(peer->fd.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  void close(std::vector<Peer>& peers, uint8_t which) {
    if (Peer* peer = pick(peers, which)) {
      read_all(*peer);
      peer->fd.reset();
    }
  }

  void answer(uint8_t which, uint8_t how) {
    auto& questions = resolver_->questions;
    if (questions.empty()) return;
    const auto at = questions.begin() + which % static_cast<int>(questions.size());
    const HandResolver::Question question = std::move(*at);
    questions.erase(at);
    hf::DnsReply reply{hf::DnsStatus::kAnswer, 60, {}, {}};
    switch (how % 8) {
      case 0: reply.addresses = {*hf::IpAddress::parse("127.0.0.2")}; break;
      case 1: reply.addresses = {*hf::IpAddress::parse("127.255.255.254")}; break;
      case 2: reply.addresses = {*hf::IpAddress::parse("11.1.1.1")}; break;
      case 3: reply.status = hf::DnsStatus::kTimeout; break;
      case 4: reply.status = hf::DnsStatus::kFailed; break;
      case 5: reply.texts = {"v=spf1 ip4:11.1.1.0/24 include:x.example -all"}; break;
      case 6: reply.texts = {"mail.c.example"}; break;
      default: reply.status = hf::DnsStatus::kNoData;
    }
    question.done(reply);
  }

  /// What came to the two mail servers; a passed client is a session of its own.
  void accept_all() {
    while (hf::Fd fd{::accept4(relay_.get(), nullptr, nullptr, SOCK_CLOEXEC)})
      servers_.push_back({std::move(fd), {}});
    while (hf::Fd fd{::accept4(pass_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)}) {
      std::array<std::byte, 512> message;
      auto received = hf::receive_with_fd(fd.get(), message);
      if (!received || !received->fd) continue;
      servers_.push_back({std::move(received->fd), {}});
      // After a teaser a server must greet with 220, and the gate cannot see to that any more.
      ::send(servers_.back().fd.get(), kServerSays[0], strlen(kServerSays[0]), MSG_NOSIGNAL);
    }
  }

  void limit_descriptors(bool none_left) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = none_left ? static_cast<rlim_t>(::dup(house_.log.get())) : limit.rlim_max;
    if (none_left) ::close(static_cast<int>(limit.rlim_cur));
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }

  static void read_all(Peer& peer) {
    char buffer[4096];
    ssize_t n = 0;
    while (peer.fd && (n = ::recv(peer.fd.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
      peer.got.append(buffer, static_cast<size_t>(n));
  }

  static void check_replies(std::string_view got) {
    while (!got.empty()) {
      SmtpReplyReader reader;
      const auto taken = reader.feed(got);
      HF_CHECK(taken.has_value(), "a client is told nothing but SMTP replies");
      // A teaser is the first line of a greeting that may never be finished.
      HF_CHECK(reader.complete() || got == teaser_line("mx.test"), "replies are whole");
      got.remove_prefix(*taken);
    }
  }

  void check_log() {
    hf::flush_log();
    ::lseek(house_.log.get(), 0, SEEK_SET);
    const auto text = hf::read_all(house_.log.get(), 1 << 26);
    std::set<std::string> ids;
    size_t lines = 0;
    for (std::string_view line : hf::split(*text, '\n'))
      if (const auto parsed = parse_log_line(line)) {
        ++lines;
        ids.insert(parsed->id);
      }
    // A balancer's connection goes on as its client's, so a header makes no second line.
    HF_CHECK(lines == connected_ && ids.size() == lines, "one verdict for each connection");
    HF_CHECK(shared_.live.load() == 0 && shared_.waiting.load() == 0, "and all are counted out");
  }

  House& house_;
  hf::ManualClock clock_;
  hf::Fd pass_, relay_;
  Greylist greylist_;
  MasterChannel master_;
  Shared shared_;
  std::vector<Policy> policies_;
  HandResolver* resolver_ = nullptr;
  std::unique_ptr<Worker> worker_;
  std::vector<Peer> clients_, servers_;
  size_t connected_ = 0;
  uint16_t port_ = 1000;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static House house;
  const size_t before = open_descriptors();
  {
    Input input(data, std::min<size_t>(size, 4096));
    World world(house, input.byte());
    world.play(input);
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    world.finish();
  }
  HF_CHECK(open_descriptors() == before, "every descriptor is closed");
  return 0;
}
