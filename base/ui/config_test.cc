// SPDX-License-Identifier: Apache-2.0
#include "base/ui/config.h"

#include <doctest/doctest.h>

#include "base/ui/config_codec.h"

namespace hf {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ConfigValue::Table table_of(std::string_view text) {
  auto parsed = parse_toml(text, "t.toml");
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().message));
  return std::get<ConfigValue::Table>(parsed->value);
}

std::string error_of(std::string_view text) {
  auto parsed = parse_toml(text, "t.toml");
  REQUIRE_FALSE(parsed.has_value());
  return parsed.error().message;
}

ConfigValue value_of(std::string_view toml) {
  return table_of("x = " + std::string(toml)).front().value;
}

template <class T>
std::string refusal(const Codec<T>& codec, std::string_view toml) {
  auto read = codec.read(value_of(toml));
  REQUIRE_FALSE(read.has_value());
  return read.error().message;
}

struct Sample {
  int64_t count = 1;
  std::vector<Rate> rates;
};

const std::vector<ConfigKey<Sample>>& sample_keys() {
  static const std::vector<ConfigKey<Sample>> keys = {
      config_key<Sample>(
          "main", "count", integer(1, 9), [](auto& c) -> auto& { return c.count; }, "how many"),
      config_key<Sample>(
          "main", "rates", list_of("list of rates", rate(), 2),
          [](auto& c) -> auto& { return c.rates; }, "how often"),
  };
  return keys;
}

Result<Sample> read_sample(std::string_view toml) {
  Sample out;
  HF_TRY(read_section(table_of(toml), "main", sample_keys(), out, "t.toml"));
  return out;
}

}  // namespace

TEST_CASE("tables keep the order of the file and every value knows its line") {
  const auto top =
      table_of("[zoo]\nb = 1\na = \"x\"\n\n[[list]]\nc = true\n[[list]]\nd = [1,\n 2.5]\n");
  REQUIRE(top.size() == 2);
  CHECK(top[0].key == "zoo");
  CHECK(top[0].value.line == 1);
  const auto& zoo = std::get<ConfigValue::Table>(top[0].value.value);
  REQUIRE(zoo.size() == 2);
  CHECK(zoo[0].key == "b");
  CHECK(std::get<int64_t>(zoo[0].value.value) == 1);
  CHECK(zoo[1].key == "a");
  CHECK(zoo[1].value.line == 3);
  const auto& list = std::get<ConfigValue::Array>(top[1].value.value);
  REQUIRE(list.size() == 2);
  CHECK(list[0].line == 5);
  CHECK(list[1].line == 7);
  const auto& d = std::get<ConfigValue::Table>(list[1].value).front().value;
  CHECK(std::get<double>(std::get<ConfigValue::Array>(d.value)[1].value) == 2.5);
}

TEST_CASE("what is not TOML is refused with its place") {
  CHECK(error_of("a = 1\nb = \n").starts_with("t.toml:2:"));
  CHECK(error_of("a = 1\na = 2\n").starts_with("t.toml:2:"));
  CHECK(error_of("\xff\xfe").starts_with("t.toml:1:"));
  CHECK(error_of("\nday = 2026-11-21\n") == "t.toml:2: no key takes a date or a time of day");
}

TEST_CASE("neither size nor depth can exhaust the parser") {
  CHECK(error_of(std::string(40'000, '#')) ==
        "t.toml: larger than 32 KiB: keep lists in files of their own");
  std::string dotted;
  for (int i = 0; i < 15'000; ++i) dotted += "a.";
  CHECK(error_of(dotted + "a = 1") == "t.toml:1: nested too deeply");
  CHECK(error_of("a = " + std::string(300, '[')).starts_with("t.toml:1:"));
}

TEST_CASE("a quoted string reads back as itself") {
  const std::string text = "a \"b\" \\ \n\t\x01\x7f ü";
  CHECK(std::get<std::string>(value_of(toml_quote(text)).value) == text);
}

TEST_CASE("an unknown key is named with its place and its neighbour") {
  CHECK(unknown_key("t.toml", 12, "limits", "per_ipp", {"per_ip", "waiting"}).message ==
        "t.toml:12: unknown key \"per_ipp\" in [limits] (did you mean \"per_ip\"?)");
  CHECK(unknown_key("t.toml", 3, "", "zzzzzzzzz", {"limits"}).message ==
        "t.toml:3: unknown section \"zzzzzzzzz\"");
}

TEST_CASE("durations are strings or numbers of seconds within limits") {
  const auto codec = duration(milliseconds(100), seconds(60));
  CHECK(codec.read(value_of("\"250ms\"")) == milliseconds(250));
  CHECK(codec.read(value_of("6")) == milliseconds(6000));
  CHECK(codec.read(value_of("0.5")) == milliseconds(500));
  CHECK(codec.write(milliseconds(1500)) == "\"1500ms\"");
  CHECK(refusal(codec, "\"50ms\"") == "expected duration from 100ms to 1min, not \"50ms\"");
  for (const char* bad :
       {"61", "-1", "nan", "inf", "1e300", "9223372036854775807", "\"6 parsecs\"", "true", "[]"})
    CHECK_FALSE(codec.read(value_of(bad)).has_value());
  CHECK_FALSE(whole_seconds(seconds(1), seconds(9)).read(value_of("\"1500ms\"")).has_value());
}

TEST_CASE("integers, words, paths and choices say what they expect") {
  CHECK(refusal(integer(1, 9), "0") == "expected integer from 1 to 9, not 0");
  CHECK(refusal(integer(1, 9), "1.5") == "expected integer from 1 to 9, not 1.5");
  CHECK(refusal(boolean(), "\"yes\"") == "expected true or false, not \"yes\"");
  CHECK(refusal(word("host name"), "\"a b\"") == "expected host name, not \"a b\"");
  CHECK(refusal(word("host name"), "\"\"") == "expected host name, not \"\"");
  CHECK(word("host name", true).read(value_of("\"\"")) == std::string());
  CHECK(refusal(absolute_path(), "\"var/x\"") == "expected absolute path, not \"var/x\"");
  const auto colour = choice<int>({{"red", 1}, {"green", 2}, {"blue", 3}});
  CHECK(colour.read(value_of("\"green\"")) == 2);
  CHECK(colour.write(3) == "\"blue\"");
  CHECK(refusal(colour, "\"pink\"") == "expected \"red\", \"green\" or \"blue\", not \"pink\"");
}

TEST_CASE("a section is read by its table") {
  const auto sample = read_sample("count = 4\nrates = [\"30/min\", \"5/s\"]\n");
  REQUIRE(sample.has_value());
  CHECK(sample->count == 4);
  CHECK(sample->rates == std::vector<Rate>{{30, seconds(60)}, {5, seconds(1)}});
  CHECK(sample_keys()[1].write(*sample) == "[\"30/min\", \"5/s\"]");
  CHECK(read_sample("rates = \"30/min\"")->rates.size() == 1);

  CHECK(read_sample("\ncount = 10").error().message ==
        "t.toml:2: [main] count: expected integer from 1 to 9, not 10");
  CHECK(read_sample("rates = [\"1/s\", \"1/s\", \"1/s\"]").error().message ==
        "t.toml:1: [main] rates: expected at most 2 items, not 3");
  CHECK(read_sample("count = 1\ncuont = 2").error().message ==
        "t.toml:2: unknown key \"cuont\" in [main] (did you mean \"count\"?)");
}

}  // namespace hf
