// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace hellomark {

/// From now on SIGINT, SIGTERM and SIGHUP do not end the process. They wait until a ppoll() with
/// interrupts_let_in(), which they end; interrupted() then tells.
void catch_interrupts();
/// The mask that lets them in, for ppoll(); without catch_interrupts() they keep their effect.
const sigset_t& interrupts_let_in();
/// The signal that came, or 0.
int interrupted();

}  // namespace hellomark
