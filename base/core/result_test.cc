// SPDX-License-Identifier: Apache-2.0
#include "base/core/result.h"

#include <cerrno>
#include <memory>
#include <string>

#include <doctest/doctest.h>

namespace {

hf::Result<int> half(int n) {
  if (n % 2 != 0) return hf::fail("odd");
  return n / 2;
}

hf::Result<void> must_halve(int n) {
  HF_TRY(half(n));
  return {};
}

hf::Result<int> quarter(int n) {
  HF_TRY_ASSIGN(const int once, half(n));
  HF_TRY_ASSIGN(const int twice, half(once));
  return twice;
}

hf::Result<std::unique_ptr<int>> boxed(int n) {
  if (n < 0) return hf::fail("negative");
  return std::make_unique<int>(n);
}

hf::Result<int> unboxed(int n) {
  HF_TRY_ASSIGN(const std::unique_ptr<int> box, boxed(n));
  return *box;
}

}  // namespace

TEST_CASE("HF_TRY goes on after success and hands an error out") {
  CHECK(must_halve(4).has_value());
  REQUIRE_FALSE(must_halve(3).has_value());
  CHECK(must_halve(3).error().message == "odd");
}

TEST_CASE("HF_TRY_ASSIGN takes the value, also one that can only be moved") {
  CHECK(quarter(12).value() == 3);
  CHECK_FALSE(quarter(6).has_value());
  CHECK(unboxed(7).value() == 7);
  CHECK(unboxed(-1).error().message == "negative");
}

TEST_CASE("an error of the system keeps its errno under every context") {
  const hf::Error error = hf::sys_error("open x.toml", ENOENT).within("configuration");
  CHECK(error.sys == ENOENT);
  CHECK(error.message == "configuration: open x.toml: No such file or directory");

  errno = EACCES;
  CHECK(hf::sys_error("bind").sys == EACCES);
}
