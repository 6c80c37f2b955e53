// SPDX-License-Identifier: Apache-2.0
//
// For tests: a server with its gate in one thread, a clock turned by hand, and the log in memory.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <optional>

#include "base/os/log.h"
#include "base/os/signal.h"
#include "smtpgate/tls/terminator/server.h"
#include "smtpgate/tls/terminator/test_tls.h"

namespace smtpgate::test {

/// Collects the log of the process from its construction on.
class LogText {
 public:
  LogText() : file_(::memfd_create("log", MFD_CLOEXEC)) {
    HF_CHECK(hf::log_to(hf::Fd(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0)), "info"), "log");
  }
  ~LogText() { HF_CHECK(hf::open_log({}, "warn"), "log"); }

  std::string text() const {
    hf::flush_log();
    std::string text(1 << 20, '\0');
    const ssize_t n = ::pread(file_.get(), text.data(), text.size(), 0);
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
  }
  bool has(std::string_view part) const { return text().find(part) != std::string::npos; }

 private:
  hf::Fd file_;
};

/// The gate's end of a session's plain side.
class Gate {
 public:
  explicit Gate(hf::Fd socket) : socket_(std::move(socket)) {}

  bool step() {
    bool moved = false;
    if (reading) {
      char buffer[65536];
      const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      at_end_ |= n == 0 || (n < 0 && errno != EAGAIN);
      if (n > 0) received_.append(buffer, static_cast<size_t>(n));
      moved = n > 0;
    }
    if (unsent_.empty()) return moved;
    const ssize_t n = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (n > 0) unsent_.erase(0, static_cast<size_t>(n));
    return moved || n > 0;
  }

  void write(std::string_view text) { unsent_ += text; }
  void half_close() { ::shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.reset(); }

  std::optional<TlsFacts> facts() const {
    if (received_.size() < kTlsFactsSize) return std::nullopt;
    const auto bytes = std::as_bytes(std::span(received_)).first<kTlsFactsSize>();
    auto facts = parse_tls_facts(bytes);
    HF_CHECK(facts, "facts that cannot be read");
    return *facts;
  }
  /// What came after the facts.
  std::string text() const {
    return received_.size() < kTlsFactsSize ? "" : received_.substr(kTlsFactsSize);
  }
  size_t received() const { return received_.size(); }
  bool at_end() const { return at_end_; }
  size_t unsent() const { return unsent_.size(); }

  bool reading = true;

 private:
  hf::Fd socket_;
  std::string received_, unsent_;
  bool at_end_ = false;
};

class Lab {
 public:
  static constexpr int kBufferBytes = 16 * 1024;

  explicit Lab(std::vector<PemPair> pairs = {make_ecdsa()}) {
    hf::ignore_sigpipe();
    std::vector<PairPaths> paths;
    for (const PemPair& pair : pairs) {
      const std::string n = std::to_string(paths.size());
      paths.push_back({"cert" + n, "key" + n});
      files["cert" + n] = pair.certificate;
      files["key" + n] = pair.key;
    }
    loop = std::move(*hf::Loop::create(clock));
    auto [ours, theirs] = socket_pair(SOCK_SEQPACKET);
    control = std::move(ours);
    auto made = Server::create(*loop, std::move(theirs), [this, paths] {
      return load_context(
          paths, [this](const std::string& path) { return read(path); },
          hf::system_clock().unix_seconds());
    });
    HF_CHECK(made, made.error().message);
    server = std::move(*made);
  }

  hf::Result<std::string> read(const std::string& path) {
    const auto found = files.find(path);
    if (found == files.end()) return hf::fail(path + ": missing");
    return found->second;
  }

  /// A client that was handed over, with the gate's end of it.
  std::pair<Client, Gate> connect(SSL_CTX& context) {
    auto [client, tls] = socket_pair(SOCK_STREAM);
    auto [gate, plain] = socket_pair(SOCK_STREAM);
    for (const hf::Fd* fd : {&client, &tls, &gate, &plain})
      ::setsockopt(fd->get(), SOL_SOCKET, SO_SNDBUF, &kBufferBytes, sizeof kBufferBytes);
    auto sent = send_session(control.get(), "0123456789abc", tls.get(), plain.get());
    HF_CHECK(sent, sent.error().message);
    loop->run_once(0);
    return {Client(context, std::move(client)), Gate(std::move(gate))};
  }

  /// Lets everybody act until `condition()`; false if that does not come true although nobody has
  /// anything left to do.
  template <class Condition>
  bool until(Client& client, Gate& gate, Condition condition) {
    for (int quiet = 0; !condition(); ++quiet) {
      if (quiet == 50) return false;
      loop->run_once(0);
      const bool client_moved = client.step();
      if (gate.step() || client_moved) quiet = 0;
    }
    return true;
  }
  bool until_established(Client& client, Gate& gate) {
    return until(client, gate, [&] { return client.established() && gate.facts(); });
  }
  /// … until the server has no session.
  bool until_over(Client& client, Gate& gate) {
    return until(client, gate, [&] { return server->sessions() == 0; });
  }
  void settle(Client& client, Gate& gate) {
    until(client, gate, [] { return false; });
  }
  void pass_ms(uint64_t ms) {
    clock.advance_ms(ms);
    loop->run_once(0);
  }

  LogText log;
  hf::ManualClock clock;
  std::unique_ptr<hf::Loop> loop;
  std::map<std::string, std::string> files;
  hf::Fd control;
  std::unique_ptr<Server> server;
};

}  // namespace smtpgate::test
