// SPDX-License-Identifier: Apache-2.0
//
// What a service and systemd tell each other: sd_notify(3) and sd_listen_fds(3), without the
// library. All of it does nothing where systemd did not start us.
#pragma once

#include <string_view>
#include <vector>

#include "base/os/fd.h"

namespace hf {

void notify_ready();
/// A reload begins; notify_ready() says that it is over (Type=notify-reload).
void notify_reloading();
void notify_stopping();
/// One line that `systemctl status` shows.
void notify_status(std::string_view text);
/// A sign of life, for WatchdogSec=.
void notify_watchdog();

/// The sockets that systemd opened for us, in the order of the .socket unit; we own them. The
/// environment variables that name them are unset, so that no child takes them for its own.
std::vector<Fd> listen_fds();

}  // namespace hf
