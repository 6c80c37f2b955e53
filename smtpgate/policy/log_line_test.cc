// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/policy/log_line.h"

#include <doctest/doctest.h>

using namespace smtpgate;

namespace {

LogLine sample() {
  LogLine line;
  line.time = 1'763'712'000;
  line.id = "01jd3k80a3f12";
  line.client = *hf::Endpoint::parse("192.0.2.1:4711");
  line.server = *hf::Endpoint::parse("[2001:db8::25]:25");
  line.action = Action::kRefuse;
  line.reason = Reason::kListed;
  line.score = 8;
  line.soft = true;
  line.facts.client = line.client.ip;
  line.facts.pregreet = {PregreetFact::State::kTalked, FirstBytes::kHttp, 12};
  line.facts.rdns = {RdnsFact::State::kConfirmed, "mx.example"};
  line.list_names = {"zen.example", "local", "slow", "unasked"};
  line.facts.lists = {{ListFact::State::kAnswered,
                       {*hf::IpAddress::parse("127.0.0.2"), *hf::IpAddress::parse("127.0.0.4")}},
                      {ListFact::State::kAnswered, {}},
                      {ListFact::State::kFailed, {}},
                      {ListFact::State::kNotAsked, {}}};
  line.backend = "proxy-v2";
  line.code = 451;
  line.bytes_in = 12;
  line.bytes_out = 34;
  line.duration_ms = 2011;
  return line;
}

std::string formatted(const LogLine& line) {
  std::string out;
  format_log_line(line, out);
  return out;
}

}  // namespace

TEST_CASE("a line reads as documented") {
  CHECK(formatted(sample()) ==
        "conn v=1 t=2025-11-21T08:00:00Z id=01jd3k80a3f12 client=192.0.2.1:4711 "
        "server=[2001:db8::25]:25 verdict=refuse reason=listed mode=enforce score=8 soft=1 "
        "doubtful=0 partial=0 pregreet=talked:12:http rdns=confirmed:mx.example "
        "lists=zen.example:127.0.0.2,127.0.0.4;local:-;slow:? limit=- access=- known=0 "
        "backend=proxy-v2 code=451 in=12 out=34 ms=2011");
}

TEST_CASE("what is written is read back, whatever stands before it") {
  const std::string text = formatted(sample());
  const auto line = parse_log_line("Nov 21 08:00:01 mx smtpgate[7]: <6>" + text);
  REQUIRE(line);
  CHECK(line->list_names.size() == 3);  // a list that was not asked is not in the line
  LogLine again = *line;
  CHECK(formatted(again) == text);
}

TEST_CASE("other lines are no connection lines") {
  CHECK_FALSE(parse_log_line(""));
  CHECK_FALSE(parse_log_line("ready: enforce mode"));
  CHECK_FALSE(parse_log_line("conn v=1 "));
  CHECK_FALSE(parse_log_line("conn v=1 id=x verdict=nonsense"));
  CHECK_FALSE(parse_log_line("conn v=2 id=x verdict=refuse"));
}

TEST_CASE("unknown keys and broken values are passed over") {
  const auto line = parse_log_line(
      "conn v=1 id=x verdict=handoff reason=future shoe=42 score=many lists=;;a lists pregreet=");
  REQUIRE(line);
  CHECK(line->action == Action::kHandOff);
  CHECK(line->score == 0);
}

TEST_CASE("a reverse name from outside cannot break the line") {
  LogLine line = sample();
  line.facts.rdns.name = "evil\nconn v=1 id=forged";
  const std::string text = formatted(line);
  CHECK(text.find('\n') == std::string::npos);
  CHECK(parse_log_line(text)->id == line.id);
}
