// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace smtpgate {

/// The whole program: reads the command line, runs one subcommand. Exit codes: 0 done, 1 failed,
/// 2 wrong usage; `why` and `test` give 3 where the client would be refused.
int run_cli(int argc, char** argv);

}  // namespace smtpgate
