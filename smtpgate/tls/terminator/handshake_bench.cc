// SPDX-License-Identifier: Apache-2.0
//
// handshake_bench [SECONDS]: what a full handshake costs the terminator.
//
// Clients connect one after the other and resume nothing. Server and client have a thread each; CPU
// is that of the server's thread alone, so that the client's share does not count.
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "base/os/log.h"
#include "smtpgate/tls/terminator/server.h"
#include "smtpgate/tls/terminator/test_tls.h"

namespace {

using namespace smtpgate;
using Clock = std::chrono::steady_clock;

double thread_cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void handshake(SSL_CTX& context, int control) {
  auto [socket, tls] = test::socket_pair(SOCK_STREAM);
  auto [gate, plain] = test::socket_pair(SOCK_STREAM);
  const auto sent = send_session(control, "0123456789abc", tls.get(), plain.get());
  HF_CHECK(sent, sent.error().message);
  tls.reset();
  pollfd readable{socket.get(), POLLIN, 0};
  test::Client client(context, std::move(socket));
  for (client.step(); !client.established(); client.step()) ::poll(&readable, 1, -1);
}

void measure(const char* name, test::PemPair pair, int version, double seconds) {
  auto loop = std::move(*hf::Loop::create());
  auto [control, theirs] = test::socket_pair(SOCK_SEQPACKET);
  const PairPaths paths[] = {{"cert", "key"}};
  auto server = Server::create(*loop, std::move(theirs), [&] {
    return load_context(
        paths,
        [&](const std::string& path) -> hf::Result<std::string> {
          return path == "cert" ? pair.certificate : pair.key;
        },
        hf::system_clock().unix_seconds());
  });
  HF_CHECK(server, server.error().message);

  double cpu = 0;
  std::thread thread([&] {
    loop->run();
    cpu = thread_cpu_seconds();
  });
  const auto context = test::client_context(version);
  const auto start = Clock::now();
  double elapsed = 0;
  size_t count = 0;
  for (; elapsed < seconds; ++count) {
    handshake(*context, control.get());
    elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  }
  control.reset();  // which stops the server
  thread.join();
  std::printf("%-12s %-8s %8.0f handshakes/s %8.0f us CPU each %8.0f /s a core\n", name,
              version == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2",
              static_cast<double>(count) / elapsed, 1e6 * cpu / static_cast<double>(count),
              static_cast<double>(count) / cpu);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 3;
  HF_CHECK(hf::open_log({}, "error"), "log");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    measure("ECDSA P-256", test::make_ecdsa(), version, seconds);
    measure("RSA 2048", test::make_pair(EVP_RSA_gen(2048)), version, seconds);
  }
}
