// SPDX-License-Identifier: Apache-2.0
#include "hellomark/cli/cli.h"

int main(int argc, char** argv) {
  return hellomark::run_cli(argc, argv);
}
