// SPDX-License-Identifier: Apache-2.0
#include "base/core/sha256.h"

#include <doctest/doctest.h>

namespace hf {
namespace {

std::string digest(std::string_view bytes, size_t step) {
  Sha256 sum;
  for (size_t at = 0; at < bytes.size(); at += step) sum.update(bytes.substr(at, step));
  return sum.hex();
}

TEST_CASE("the examples of FIPS 180-4") {
  CHECK(digest("", 1) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest("abc", 3) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(digest(std::string(1'000'000, 'a'), 1000) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("the pieces in which bytes come do not matter") {
  for (size_t length = 50; length < 140; ++length) {
    const std::string bytes(length, 'x');
    CHECK(digest(bytes, 1) == digest(bytes, length));
    CHECK(digest(bytes, 7) == digest(bytes, length));
  }
}

}  // namespace
}  // namespace hf
