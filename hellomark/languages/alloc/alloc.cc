// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

struct Block {
  std::vector<char> bytes = std::vector<char>(10000, 'x');
  std::shared_ptr<Block> other;
};

int main(int argc, char** argv) {
  const std::string pattern = argc > 2 ? argv[1] : "";
  const long blocks = argc > 2 ? std::atol(argv[2]) : 0;
  std::array<std::shared_ptr<Block>, 1000> ring;
  std::vector<std::shared_ptr<Block>> all;
  for (long i = 0; i < blocks; ++i) {
    auto block = std::make_shared<Block>();
    if (pattern == "ring") ring[i % 1000] = block;
    if (pattern == "take") all.push_back(block);
    if (pattern == "cycle") {
      block->other = std::make_shared<Block>();
      block->other->other = block;
      ring[i++ % 1000] = block;
    }
  }
}
