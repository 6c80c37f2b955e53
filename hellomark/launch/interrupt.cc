// SPDX-License-Identifier: Apache-2.0
#include "hellomark/launch/interrupt.h"

#include <initializer_list>

namespace hellomark {
namespace {

volatile std::sig_atomic_t g_signal = 0;

sigset_t current_mask() {
  sigset_t mask;
  ::sigprocmask(SIG_SETMASK, nullptr, &mask);
  return mask;
}

}  // namespace

void catch_interrupts() {
  interrupts_let_in();  // remembers the mask as it is before
  struct sigaction action {};
  action.sa_handler = [](int signal) { g_signal = signal; };
  sigset_t caught;
  ::sigemptyset(&caught);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    ::sigaction(signal, &action, nullptr);
    ::sigaddset(&caught, signal);
  }
  ::sigprocmask(SIG_BLOCK, &caught, nullptr);
}

const sigset_t& interrupts_let_in() {
  static const sigset_t mask = current_mask();
  return mask;
}

int interrupted() {
  return g_signal;
}

}  // namespace hellomark
