// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/tls/terminator/file_keeper.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <doctest/doctest.h>

#include "base/os/file.h"

using namespace smtpgate;

TEST_CASE("a file is read as it is now, also after it was replaced or is missing") {
  char folder[] = "/tmp/file-keeper-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string file = std::string(folder) + "/key.pem";
  auto keeper = FileKeeper::start({"/nonexistent", file});
  REQUIRE(keeper);

  const auto missing = keeper->read(file);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message == file + ": No such file or directory");
  REQUIRE(hf::write_file_atomically(file, "first", 0600));
  CHECK(keeper->read(file).value() == "first");
  REQUIRE(hf::write_file_atomically(file, "second", 0600));
  CHECK(keeper->read(file).value() == "second");
  REQUIRE(hf::write_file_atomically(file, std::string(2 << 20, 'x'), 0600));
  CHECK_FALSE(keeper->read(file));  // no certificate is that long
  std::filesystem::remove_all(folder);
}
