// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hf {

/// SHA-256 (FIPS 180-4) in plain C++, about 200 MB/s: for naming files, not for bulk work, and
/// without the start-up time of a cryptographic library.
class Sha256 {
 public:
  void update(std::string_view bytes);
  /// The digest as 64 hexadecimal digits; the object is then used up.
  std::string hex();

 private:
  void block(const uint8_t* bytes);

  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending_{};
  size_t pending_bytes_ = 0;
  uint64_t total_bytes_ = 0;
};

}  // namespace hf
