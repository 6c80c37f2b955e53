// SPDX-License-Identifier: Apache-2.0
#include "base/core/text.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using Fields = std::vector<std::string_view>;

TEST_CASE("trimming and splitting") {
  CHECK(hf::trim(" \t a b\r\n") == "a b");
  CHECK(hf::trim(" \t ").empty());
  CHECK(hf::trim("").empty());
  CHECK(hf::split("a,,b,", ',') == Fields{"a", "", "b", ""});
  CHECK(hf::split("", ',') == Fields{""});
  CHECK(hf::split_blanks("\t a  b\tc ") == Fields{"a", "b", "c"});
  CHECK(hf::split_blanks("  ").empty());
}

TEST_CASE("case is ignored for ASCII letters only") {
  CHECK(hf::equals_ignoring_case("EHLO", "ehlo"));
  CHECK_FALSE(hf::equals_ignoring_case("EHLO", "EHL"));
  CHECK_FALSE(hf::equals_ignoring_case("\xc0", "\xe0"));
  CHECK_FALSE(hf::equals_ignoring_case("[", "{"));
  CHECK(hf::starts_with_ignoring_case("Mail From:<>", "MAIL FROM:"));
  CHECK_FALSE(hf::starts_with_ignoring_case("MAIL", "MAIL FROM:"));
  CHECK(hf::to_lower("AZ[\xc0") == "az[\xc0");
}

TEST_CASE("an integer is the whole text and within its limits") {
  CHECK(hf::parse_int("0", 0, 10) == 0);
  CHECK(hf::parse_int("-7", -10, 10) == -7);
  CHECK(hf::parse_int("9223372036854775807", 0, INT64_MAX) == INT64_MAX);
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "1x", "0x1", "11", "9223372036854775808"})
    CHECK_FALSE(hf::parse_int(bad, -10, 10).has_value());
}

TEST_CASE("durations are read in every unit") {
  CHECK(hf::parse_duration("250ms").value() == 250ms);
  CHECK(hf::parse_duration("6s").value() == 6s);
  CHECK(hf::parse_duration("6").value() == 6s);
  CHECK(hf::parse_duration("10min").value() == 10min);
  CHECK(hf::parse_duration("10m").value() == 10min);
  CHECK(hf::parse_duration("2h").value() == 2h);
  CHECK(hf::parse_duration("36d").value() == 36 * 24h);
  CHECK(hf::parse_duration("2w").value() == 14 * 24h);
}

TEST_CASE("what is no duration is refused with a remedy") {
  for (const char* bad : {"", "s", "-1s", "1.5s", "6 s", "6S", "6x", "1h30min"}) {
    INFO(bad);
    REQUIRE_FALSE(hf::parse_duration(bad).has_value());
    CHECK(hf::parse_duration(bad).error().message.find("write a number") != std::string::npos);
  }
  CHECK(hf::parse_duration("99999999999999999d").error().message ==
        "\"99999999999999999d\" is too long a duration");
  CHECK(hf::parse_duration("99999999999999999999999s").has_value() == false);
}

TEST_CASE("a duration is written in its largest exact unit and read back the same") {
  CHECK(hf::format_duration(1500ms) == "1500ms");
  CHECK(hf::format_duration(6s) == "6s");
  CHECK(hf::format_duration(90s) == "90s");
  CHECK(hf::format_duration(10min) == "10min");
  CHECK(hf::format_duration(24h) == "1d");
  CHECK(hf::format_duration(36 * 24h) == "36d");
  CHECK(hf::format_duration(0ms) == "0s");
  for (int64_t ms = 1; ms < 1'000'000'000'000; ms = ms * 3 + 500)
    CHECK(hf::parse_duration(hf::format_duration(std::chrono::milliseconds(ms)))->count() == ms);
}

TEST_CASE("durations for people have two units at most") {
  CHECK(hf::humane_duration(0s) == "0 s");
  CHECK(hf::humane_duration(-5s) == "0 s");
  CHECK(hf::humane_duration(6s) == "6 s");
  CHECK(hf::humane_duration(12min) == "12 min");
  CHECK(hf::humane_duration(12min + 5s) == "12 min 5 s");
  CHECK(hf::humane_duration(76h + 5min) == "3 d 4 h");
  CHECK(hf::humane_duration(72h + 5min) == "3 d");
}

TEST_CASE("rates") {
  CHECK(hf::parse_rate("30/min").value() == hf::Rate{30, 60s});
  CHECK(hf::parse_rate("5/s").value() == hf::Rate{5, 1s});
  CHECK(hf::parse_rate("100/hour").value() == hf::Rate{100, 3600s});
  CHECK(hf::parse_rate("250000/day").value() == hf::Rate{250'000, 86'400s});
  CHECK(hf::parse_rate("7/10min").value() == hf::Rate{7, 600s});
  for (const char* bad :
       {"", "5", "5/", "/s", "-1/s", "5/0s", "5/ms", "5/1500ms", "4294967296/s"}) {
    INFO(bad);
    REQUIRE_FALSE(hf::parse_rate(bad).has_value());
    CHECK(hf::parse_rate(bad).error().message.find("is not a rate") != std::string::npos);
  }
  for (const char* text : {"30/min", "5/s", "250000/day", "7/10min", "7/15s", "9/h", "0/s", "8/2d"})
    CHECK(hf::format_rate(hf::parse_rate(text).value()) == text);
}

TEST_CASE("instants in UTC") {
  CHECK(hf::format_utc(0) == "1970-01-01T00:00:00Z");
  CHECK(hf::format_utc(1'795'248'000) == "2026-11-21T08:00:00Z");
  CHECK(hf::format_utc(-1) == "1969-12-31T23:59:59Z");
  CHECK(hf::parse_utc("2024-02-29T23:59:59Z") == 1'709'251'199);
  for (int64_t t = -2'000'000'000; t < 8'000'000'000; t += 77'777'777)
    CHECK(hf::parse_utc(hf::format_utc(t)) == t);
  for (const char* bad :
       {"", "2026-11-21", "2026-11-21 08:00:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-21T24:00:00Z", "2026-11-21T08:60:00Z", "2026-11-21T08:00:0-Z",
        "2026-11-21T08:00:00Zx", "2026-00-10T00:00:00Z"}) {
    INFO(bad);
    CHECK_FALSE(hf::parse_utc(bad).has_value());
  }
}

TEST_CASE("a slip of typing finds the word that was meant") {
  constexpr std::string_view kWords[] = {"listen", "backend", "banner", "limits"};
  CHECK(hf::nearest("lisen", kWords) == "listen");
  CHECK(hf::nearest("bakcend", kWords) == "backend");
  CHECK(hf::nearest("baner", kWords) == "banner");
  CHECK_FALSE(hf::nearest("greylist", kWords).has_value());
  CHECK_FALSE(hf::nearest("", kWords).has_value());
  CHECK_FALSE(hf::nearest("x", {}).has_value());
}

TEST_CASE("bytes from outside fit one line of a log") {
  CHECK(hf::printable("EHLO a\\b") == "EHLO a\\b");
  CHECK(hf::printable(std::string_view("a\r\n\0\x7f\xff", 6)) == "a\\x0d\\x0a\\x00\\x7f\\xff");
  CHECK(hf::printable("12345", 5) == "12345");
  CHECK(hf::printable("123456", 5) == "12345...");
  CHECK(hf::printable("123\n", 5) == "123...");  // an escape is never cut in two
}
