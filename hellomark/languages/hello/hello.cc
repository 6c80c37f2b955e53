// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iostream>

int main() {
  std::ifstream file("hello.txt");
  std::cout << file.rdbuf();
  return std::cout ? 0 : 1;
}
