// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hellomark {

/// The program: reads the command line and does what it asks. Returns the exit code: 0, 1 for
/// trouble, 2 for a wrong command line, 128 + signal after an interrupt.
int run_cli(int argc, char** argv);

}  // namespace hellomark
