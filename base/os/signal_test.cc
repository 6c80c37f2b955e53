// SPDX-License-Identifier: Apache-2.0
#include "base/os/signal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include <doctest/doctest.h>

TEST_CASE("blocked signals are read from the descriptor, one by one") {
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
  const auto fd = hf::block_and_open_signalfd({SIGUSR1, SIGUSR2});
  REQUIRE(fd);
  CHECK_FALSE(hf::read_signal(fd->get()));
  ::raise(SIGUSR2);
  CHECK(hf::read_signal(fd->get()) == SIGUSR2);
  ::raise(SIGUSR1);
  CHECK(hf::read_signal(fd->get()) == SIGUSR1);
  CHECK_FALSE(hf::read_signal(fd->get()));
  CHECK((::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("writing to a pipe without a reader is an error, not a death") {
  hf::ignore_sigpipe();
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  CHECK(::write(ends[1], "x", 1) == -1);
  CHECK(errno == EPIPE);
  ::close(ends[1]);
}
