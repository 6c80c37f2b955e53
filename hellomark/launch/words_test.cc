// SPDX-License-Identifier: Apache-2.0
#include "hellomark/launch/words.h"

#include <doctest/doctest.h>

namespace hellomark {
namespace {

using Words = std::vector<std::string>;

TEST_CASE("words are split as a shell splits them") {
  CHECK(split_words("a  b\tc") == Words{"a", "b", "c"});
  CHECK(split_words("") == Words{});
  CHECK(split_words("'a b' \"c d\"e") == Words{"a b", "c de"});
  CHECK(split_words("'' \"\"") == Words{"", ""});
  CHECK(split_words(R"(a\ b '\' "\" \x" \\)") == Words{"a b", "\\", "\" \\x", "\\"});
  CHECK(split_words("a\\\nb") == Words{"ab"});
  CHECK(split_words("'a").error().message == "a ' is not closed in: 'a");
}

TEST_CASE("what is joined splits into the same words") {
  for (const Words& words : {Words{"a", "b c", ""}, Words{"it's", "\"", "\\", "$x", "a\nb"}})
    CHECK(split_words(join_words(words)) == words);
  CHECK(join_words(Words{"ls", "-l", "/a.b"}) == "ls -l /a.b");
}

TEST_CASE("parameters are filled in, and unknown ones stay") {
  const std::vector<std::pair<std::string, std::string>> parameters{{"n", "5"}, {"x", "{n}"}};
  CHECK(fill_in("sleep {n} {n} {m}", parameters) == "sleep 5 5 {m}");
  CHECK(fill_in("{x}", parameters) == "{n}");
}

TEST_CASE("lists keep escaped commas") {
  CHECK(split_list("a,b,,c") == Words{"a", "b", "", "c"});
  CHECK(split_list("a\\,b,c") == Words{"a,b", "c"});
}

TEST_CASE("ranges of numbers") {
  CHECK(number_range("1", "3", "1") == Words{"1", "2", "3"});
  CHECK(number_range("0", "1", "0.25") == Words{"0.00", "0.25", "0.50", "0.75", "1.00"});
  CHECK(number_range("0", "0.3", "0.1") == Words{"0.0", "0.1", "0.2", "0.3"});
  CHECK(number_range("5", "5", "1") == Words{"5"});
  CHECK(number_range("3", "1", "1").error().message == "1 is below 3");
  CHECK(number_range("1", "3", "0").error().message == "a step of 0 never ends");
  CHECK(number_range("1", "x", "1").error().message == "\"x\" is not a number such as 10 or 0.5");
  CHECK(number_range("0", "1e9", "1").has_value() == false);
  CHECK(number_range("0", "9999999", "1").error().message == "10000000 steps are more than 1000");
}

}  // namespace
}  // namespace hellomark
