// SPDX-License-Identifier: Apache-2.0
// Greylists in folders of their own, under a clock turned by hand, for the tests of this room.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "smtpgate/grey/greylist.h"
#include "smtpgate/grey/reader.h"
#include "smtpgate/grey/scope.h"

namespace smtpgate {

struct GreyFolder {
  std::string path;
  GreyFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "grey_XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~GreyFolder() { std::filesystem::remove_all(path); }
};

inline Greylist open_grey(const GreyFolder& folder, const hf::Clock& clock,
                          const GreyOptions& options = {}) {
  auto grey = Greylist::open(folder.path, options, clock);
  REQUIRE_MESSAGE(grey.has_value(), (grey ? "" : grey.error().message));
  return std::move(*grey);
}

inline GreyReader open_grey_reader(const GreyFolder& folder) {
  auto reader = GreyReader::open(folder.path);
  REQUIRE_MESSAGE(reader.has_value(), (reader ? "" : reader.error().message));
  return std::move(*reader);
}

inline hf::IpAddress ip(std::string_view text) {
  const auto address = hf::IpAddress::parse(text);
  REQUIRE(address);
  return *address;
}

/// A mail of bob@sender.example to amy@here.example, offered by `client`.
inline GreyAttempt attempt_from(std::string_view client, std::string_view name = "",
                                std::string_view spf_domain = "") {
  return {ip(client), scopes_of(ip(client), name, spf_domain), "bob@sender.example",
          "amy@here.example"};
}

/// A greylist, its folder and its clock.
struct GreyLab {
  GreyFolder folder;
  hf::ManualClock clock;
  GreyOptions options;
  std::optional<Greylist> open = open_grey(folder, clock, options);

  Greylist& grey() { return *open; }
  void after_s(uint64_t seconds) { clock.advance_ms(seconds * 1000); }
  GreyAnswer answer(const GreyAttempt& attempt) { return grey().decide(attempt).answer; }
  void commit() { REQUIRE(grey().commit()); }
  void close() { open.reset(); }
  void reopen() {
    close();
    open = open_grey(folder, clock, options);
  }
};

}  // namespace smtpgate

template <>
struct doctest::StringMaker<smtpgate::GreyAnswer> {
  static String convert(smtpgate::GreyAnswer answer) {
    constexpr const char* kNames[] = {"new", "early", "passed", "known"};
    return kNames[static_cast<size_t>(answer)];
  }
};
