// SPDX-License-Identifier: Apache-2.0
//
// The terminator process, from its birth with rights to its end without.
#include "smtpgate/tls/terminator/terminator.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <csignal>
#include <memory>

#include <fmt/format.h>
#include <openssl/ssl.h>

#include "base/core/clock.h"
#include "base/os/file.h"
#include "base/os/log.h"
#include "base/os/process.h"
#include "base/os/signal.h"
#include "smtpgate/tls/terminator/confine.h"
#include "smtpgate/tls/terminator/file_keeper.h"
#include "smtpgate/tls/terminator/server.h"

namespace smtpgate {
namespace {

/// SIGHUP and SIGTERM as events of the loop.
class Signals final : public hf::ReadyHandler {
 public:
  Signals(Server& server, hf::Fd fd) : server_(server), fd_(std::move(fd)) {}
  hf::Result<void> watch(hf::Loop& loop) { return loop.watch(fd_.get(), EPOLLIN, this); }

 private:
  void on_ready(uint32_t) override {
    const auto signal = hf::read_signal(fd_.get());
    if (signal == SIGHUP) server_.reload();
    if (signal == SIGTERM || signal == SIGINT) server_.stop();
  }

  Server& server_;
  const hf::Fd fd_;
};

/// The descriptor that the starter of this process left for it.
hf::Result<hf::Fd> take_control_socket() {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(kTlsControlFd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET)
    return hf::fail(fmt::format("descriptor {} is no control socket: smtpgate starts this program",
                                kTlsControlFd));
  ::fcntl(kTlsControlFd, F_SETFD, FD_CLOEXEC);
  return hf::Fd(kTlsControlFd);
}

/// The system's openssl.cnf is passed over: the policy of context.cc holds everywhere.
void start_openssl() {
  HF_CHECK(OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1, "OpenSSL does not start");
}

}  // namespace

hf::Result<void> run_terminator(const std::vector<PairPaths>& pairs, const std::string& user) {
  HF_TRY(hf::open_log({}, "info"));
  hf::raise_descriptor_limit();
  HF_TRY_ASSIGN(hf::Fd control, take_control_socket());
  HF_TRY_ASSIGN(hf::Fd signal_fd, hf::block_and_open_signalfd({SIGHUP, SIGTERM, SIGINT}));
  std::vector<std::string> paths;
  for (const PairPaths& pair : pairs) paths.insert(paths.end(), {pair.certificate, pair.key});
  HF_TRY_ASSIGN(const FileKeeper keeper, FileKeeper::start(std::move(paths)));
  if (!user.empty()) HF_TRY(hf::drop_privileges(user));

  start_openssl();
  HF_TRY_ASSIGN(const auto loop, hf::Loop::create());
  loop->at_round_end(hf::flush_log);
  HF_TRY_ASSIGN(const auto server, Server::create(*loop, std::move(control), [&] {
                  return load_context(
                      pairs, [&](const std::string& path) { return keeper.read(path); },
                      hf::system_clock().unix_seconds());
                }));
  Signals signals(*server, std::move(signal_fd));
  HF_TRY(signals.watch(*loop));
  HF_TRY(confine_terminator());
  loop->run();
  hf::flush_log();
  return {};
}

bool check_certificates(const std::vector<PairPaths>& pairs) {
  start_openssl();
  const auto context = load_context(
      pairs, [](const std::string& path) { return hf::read_file(path); },
      hf::system_clock().unix_seconds());
  if (!context) {
    fmt::print(stderr, "{}\n", context.error().message);
    return false;
  }
  for (const std::string& summary : context->summaries) fmt::print("{}\n", summary);
  for (const std::string& warning : context->warnings) fmt::print(stderr, "{}\n", warning);
  return context->warnings.empty();
}

}  // namespace smtpgate
