// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "smtpgate/gate/connection.h"

namespace smtpgate {

class Worker;

/// Gives a connection to the first backend that takes it, in the order of the configuration. A
/// stranger is passed on by descriptor only while slots for strangers are free; by a relay only
/// once it has spoken after the greeting, which the gate then completes itself. Where no backend
/// takes it, it is refused for now.
void hand_off(Worker& worker, std::unique_ptr<Connection> connection);

/// As hand_off(), but from the `first`th backend on: what a stage calls when its backend failed.
void hand_off_from(Worker& worker, std::unique_ptr<Connection> connection, size_t first);

}  // namespace smtpgate
