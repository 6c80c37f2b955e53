// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/core/result.h"
#include "smtpgate/tls/terminator/certificates.h"

namespace smtpgate {

/// Serves the control socket at kTlsControlFd until it is stopped, as `user` unless that is empty.
/// The first thing that the process does, in its only thread.
hf::Result<void> run_terminator(const std::vector<PairPaths>& pairs, const std::string& user);

/// Loads the pairs and prints what they are and what is wrong with them; false if anything is.
bool check_certificates(const std::vector<PairPaths>& pairs);

}  // namespace smtpgate
