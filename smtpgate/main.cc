// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/cli/cli.h"

int main(int argc, char** argv) { return smtpgate::run_cli(argc, argv); }
