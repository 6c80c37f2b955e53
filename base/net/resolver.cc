// SPDX-License-Identifier: Apache-2.0
#include "base/net/resolver.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <unordered_map>
#include <utility>

#include <ares.h>
#include <fmt/format.h>

#include "base/net/loop.h"

namespace hf {

namespace {

// How often c-ares looks for questions to send again. Asking ares_timeout() after each answer would
// be exact, but walks over all questions under way.
constexpr uint64_t kRetransmitCheckMs = 100;
constexpr int kClassIn = 1;

struct ChannelDeleter {
  void operator()(ares_channel channel) const { ares_destroy(channel); }
};
using Channel = std::unique_ptr<ares_channeldata, ChannelDeleter>;

class CaresResolver final : public Resolver, private Timer {
 public:
  CaresResolver(Loop& loop, const ResolverOptions& options)
      : loop_(loop), timeout_ms_(options.timeout_ms) {}

  Result<void> open(const ResolverOptions& options);
  void ask(std::string_view name, DnsType type, Callback done) override;

 private:
  /// c-ares owns a question until it calls back. The timer is the end of the asker's patience,
  /// which c-ares cannot promise: its attempts depend on how many servers there are.
  struct Question final : Timer {
    Question(CaresResolver& resolver, DnsType asked_type, Callback callback)
        : owner(resolver), type(asked_type), done(std::move(callback)) {}
    void on_timer() override {
      DnsReply reply;
      reply.status = DnsStatus::kTimeout;
      std::exchange(done, nullptr)(reply);
    }

    CaresResolver& owner;
    DnsType type;
    Callback done;  // empty once called
  };

  struct Socket final : ReadyHandler {
    Socket(CaresResolver& resolver, int socket_fd) : owner(resolver), fd(socket_fd) {}
    // May end with this socket closed and gone.
    void on_ready(uint32_t events) override {
      const uint32_t broken = EPOLLERR | EPOLLHUP;
      owner.process(events & (EPOLLIN | broken) ? fd : ARES_SOCKET_BAD,
                    events & (EPOLLOUT | broken) ? fd : ARES_SOCKET_BAD);
    }

    CaresResolver& owner;
    int fd;
  };

  static void on_answer(void* arg, int status, int timeouts, unsigned char* bytes, int size);
  static void on_socket_state(void* arg, ares_socket_t fd, int readable, int writable);
  void on_timer() override;
  void process(ares_socket_t readable, ares_socket_t writable);

  Loop& loop_;
  uint64_t timeout_ms_;
  size_t in_flight_ = 0;  // questions that c-ares holds
  // Answers not yet told: c-ares is not on the stack when a callback runs, so that it may ask
  // again.
  std::vector<std::pair<Callback, DnsReply>> answered_;
  std::unordered_map<int, Socket> sockets_;
  Channel channel_;  // last: its end calls back into all of the above
};

Result<void> CaresResolver::open(const ResolverOptions& options) {
  // c-ares doubles its patience with each round over the servers; the rounds cover timeout_ms.
  const uint32_t retransmit_ms = std::max(options.retransmit_ms, 1u);
  ares_options settings{};
  settings.flags = ARES_FLAG_STAYOPEN | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  settings.timeout = static_cast<int>(retransmit_ms);
  settings.tries =
      static_cast<int>(std::bit_width(std::max(options.timeout_ms / retransmit_ms, 1u)));
  settings.sock_state_cb = on_socket_state;
  settings.sock_state_cb_data = this;
  ares_channel channel = nullptr;
  int rc = ares_init_options(
      &channel, &settings,
      ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (rc != ARES_SUCCESS)
    return fail(fmt::format("cannot start the DNS resolver: {}; is /etc/resolv.conf in order?",
                            ares_strerror(rc)));
  channel_.reset(channel);
  if (options.servers.empty()) return {};

  std::vector<ares_addr_port_node> nodes(options.servers.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Endpoint& server = options.servers[i];
    ares_addr_port_node& node = nodes[i];
    node.next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
    node.udp_port = node.tcp_port = server.port;
    node.family = server.ip.is_v4() ? AF_INET : AF_INET6;
    if (server.ip.is_v4())
      node.addr.addr4.s_addr = htonl(server.ip.v4_bits());
    else
      std::ranges::copy(server.ip.bytes(), reinterpret_cast<uint8_t*>(&node.addr.addr6));
  }
  rc = ares_set_servers_ports(channel, nodes.data());
  if (rc != ARES_SUCCESS)
    return fail(fmt::format("cannot set the DNS servers: {}", ares_strerror(rc)));
  return {};
}

void CaresResolver::ask(std::string_view name, DnsType type, Callback done) {
  auto* const question = new Question(*this, type, std::move(done));  // on_answer() takes it back
  loop_.set_timer(*question, loop_.now_ms() + timeout_ms_);
  if (!armed()) loop_.set_timer(*this, loop_.now_ms() + kRetransmitCheckMs);
  ++in_flight_;
  ares_query(channel_.get(), std::string(name).c_str(), kClassIn, static_cast<int>(type), on_answer,
             question);
  // A name that cannot be asked for fails at once; the asker is told in the next tick.
  if (!answered_.empty()) loop_.set_timer(*this, loop_.now_ms());
}

void CaresResolver::on_answer(void* arg, int status, int, unsigned char* bytes, int size) {
  const std::unique_ptr<Question> question(static_cast<Question*>(arg));
  CaresResolver& self = question->owner;
  --self.in_flight_;
  if (status == ARES_EDESTRUCTION || !question->done) return;
  DnsReply reply;
  if (bytes != nullptr)
    reply = parse_dns_reply({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)},
                            question->type);
  else if (status == ARES_ETIMEOUT)
    reply.status = DnsStatus::kTimeout;
  self.answered_.emplace_back(std::move(question->done), std::move(reply));
}

void CaresResolver::on_socket_state(void* arg, ares_socket_t fd, int readable, int writable) {
  auto& self = *static_cast<CaresResolver*>(arg);
  const uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
  const auto known = self.sockets_.find(fd);
  if (known == self.sockets_.end()) {
    Socket& socket = self.sockets_.try_emplace(fd, self, fd).first->second;
    // Should the kernel refuse, the questions on this socket time out like any unanswered one.
    if (!self.loop_.watch(fd, events, &socket)) self.sockets_.erase(fd);
  } else if (events != 0) {
    self.loop_.rewatch(fd, events, &known->second);
  } else {
    self.loop_.unwatch(fd, &known->second);
    self.sockets_.erase(known);
  }
}

void CaresResolver::on_timer() {
  if (in_flight_ > 0) loop_.set_timer(*this, loop_.now_ms() + kRetransmitCheckMs);
  process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void CaresResolver::process(ares_socket_t readable, ares_socket_t writable) {
  ares_process_fd(channel_.get(), readable, writable);
  for (auto& [done, reply] : std::exchange(answered_, {})) done(reply);
}

}  // namespace

Result<std::unique_ptr<Resolver>> make_cares_resolver(Loop& loop, const ResolverOptions& options) {
  auto resolver = std::make_unique<CaresResolver>(loop, options);
  HF_TRY(resolver->open(options));
  return resolver;
}

}  // namespace hf
