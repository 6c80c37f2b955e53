// SPDX-License-Identifier: Apache-2.0
// Replays a fuzz corpus through a fuzz target without libFuzzer: every file once, then every
// prefix of every file, so that truncation at each byte is part of each test run.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kPrefixLimit = 2048;  // longest input whose every prefix is replayed too

void replay(const std::string& bytes) {
  auto run = [](const char* data, size_t size) {
    const std::vector<uint8_t> exact(data, data + size);  // exact size: ASan sees any overread
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
  };
  run(bytes.data(), bytes.size());
  for (size_t n = 0; n < bytes.size() && n < kPrefixLimit; ++n) run(bytes.data(), n);
}

}  // namespace

int main(int argc, char** argv) {
  size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-') continue;
    if (!std::filesystem::is_directory(argv[i])) {
      std::fprintf(stderr, "%s: no such corpus folder\n", argv[i]);
      return 1;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream in(entry.path(), std::ios::binary);
      replay({std::istreambuf_iterator<char>(in), {}});
      ++files;
    }
  }
  std::printf("replayed %zu corpus files and their prefixes\n", files);
  return files == 0;
}
