// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <doctest/doctest.h>

#include "hellomark/report/cells.h"
#include "hellomark/report/compare.h"
#include "hellomark/report/format.h"
#include "hellomark/report/formats.h"

namespace hellomark {
namespace {

RunRecord record_of(int64_t wall_us, int64_t peak_bytes = 0) {
  RunRecord record;
  record.exec_ns = 50'000;
  record.first_byte_ns = wall_us * 800;
  record.wall_ns = wall_us * 1000;
  record.user_ns = wall_us * 500;
  record.max_rss_bytes = 600 << 10;
  record.peak_bytes = peak_bytes;
  record.largest_bytes = peak_bytes;
  record.traced = peak_bytes != 0;
  return record;
}

Row row_of(std::string name, int64_t wall_us) {
  Row row{.name = std::move(name), .command = {"/bin/true", {"true"}}};
  for (int i = 0; i < 30; ++i) row.runs.push_back(record_of(wall_us + i % 7));
  for (int i = 0; i < 5; ++i) row.traced.push_back(record_of(wall_us, (wall_us + i) * 4096));
  return row;
}

Report report_of(int64_t a_us, int64_t b_us) {
  Report report{.kind = "run", .command_line = "hellomark run a b"};
  report.rows = {row_of("a", a_us), row_of("b </script>, \"x\"", b_us)};
  return report;
}

TEST_CASE("numbers for people have three digits and a unit") {
  CHECK(format_seconds(0) == "0");
  CHECK(format_seconds(0.001386) == "1.39 ms");
  CHECK(format_seconds(0.0000823) == "82.3 µs");
  CHECK(format_seconds(0.9999) == "1.00 s");
  CHECK(format_seconds(123.4) == "123 s");
  CHECK(format_seconds(3e-9) == "3.00 ns");
  CHECK(format_bytes(12 * 1024) == "12 KiB");
  CHECK(format_bytes(1'426'063) == "1.36 MiB");
  CHECK(format_bytes(1000.0 * 1024) == "0.98 MiB");
  CHECK(format_uncertainty(0.0083) == "±0.8 %");
  CHECK(format_uncertainty(INFINITY) == "");
}

TEST_CASE("the phases add up to the whole") {
  const RunRecord record = record_of(1000);
  CHECK(exec_seconds(record) + first_byte_seconds(record) + rest_seconds(record) ==
        doctest::Approx(wall_seconds(record)));
  RunRecord silent = record;
  silent.first_byte_ns = -1;
  CHECK(exec_seconds(silent) + rest_seconds(silent) == doctest::Approx(wall_seconds(silent)));
}

TEST_CASE("differences are told in a sentence, faster first") {
  const auto sentences = differences(report_of(3000, 1000));
  REQUIRE(sentences.size() == 1);
  CHECK(sentences[0].starts_with("b </script>, \"x\" is 2.99 times"));
  CHECK(sentences[0].find("times faster than a, 95 % interval") != std::string::npos);
  CHECK(sentences[0].ends_with("(in 100 % of 30 rounds)"));
  CHECK(differences(report_of(1000, 1000))[0].find("no difference shown") != std::string::npos);
}

TEST_CASE("few rounds are told as not sure") {
  Report report = report_of(3000, 1000);
  for (Row& row : report.rows) row.runs.resize(7);
  CHECK(differences(report)[0].starts_with("not sure: b"));
}

TEST_CASE("twenty starts are summed up as in 2011") {
  const TwentyStarts twenty = twenty_starts(row_of("x", 1000));
  CHECK(twenty.elapsed_seconds == doctest::Approx(0.020057));
  CHECK(twenty.per_second == doctest::Approx(20 / 0.020057));
}

TEST_CASE("JSON carries units in its keys and every sample") {
  const auto json = nlohmann::json::parse(to_json(report_of(3000, 1000)));
  const auto& a = json["commands"][0];
  CHECK(a["wall_seconds"]["median"] == doctest::Approx(0.003003));
  CHECK(a["samples"]["wall_seconds"].size() == 30);
  CHECK(a["peak_memory_bytes"]["median"] == 3002 * 4096);
  CHECK(a["peak_memory_source"] == "traced");
  CHECK(a["sha256"].get<std::string>().size() == 64);
  CHECK(json["comparisons"][0]["different"] == true);
}

TEST_CASE("without traced runs the peak is told to be a bound") {
  Report report = report_of(3000, 1000);
  report.rows[0].traced.clear();
  CHECK(nlohmann::json::parse(to_json(report))["commands"][0]["peak_memory_source"] == "ru_maxrss");
  CHECK(to_text(report).find("<600 KiB") != std::string::npos);
}

TEST_CASE("CSV and Markdown quote what would break them") {
  const Report report = report_of(3000, 1000);
  CHECK(to_csv(report).find("\n\"b </script>, \"\"x\"\"\",30,0.001003") != std::string::npos);
  CHECK(to_markdown(report).find("| b \\</script>, \"x\" | 1.00 ms |") != std::string::npos);
}

TEST_CASE("the page holds the report where no text of it can end the script") {
  const std::string page = to_page(to_json(report_of(3000, 1000)));
  CHECK(page.find("b \\u003c/script>") != std::string::npos);
  CHECK(page.find("{{") == std::string::npos);
  CHECK(page.find("http-equiv") == std::string::npos);
  CHECK(page.find("src=") == std::string::npos);  // it needs nothing else
}

TEST_CASE("pictures end in what gnuplot can draw") {
  CHECK(draw_picture(report_of(1, 2), "x.gif").error().message ==
        "x.gif: a picture ends in .svg or .png");
}

std::vector<Change> compared(const Report& before, const Report& after) {
  const auto old = parse_report(to_json(before)), now = parse_report(to_json(after));
  REQUIRE(old.has_value());
  REQUIRE(now.has_value());
  return changes(*old, *now, 0.05);
}

TEST_CASE("a report compared with itself has not changed") {
  const auto found = compared(report_of(3000, 1000), report_of(3000, 1000));
  REQUIRE(found.size() == 4);  // wall and peak memory of both
  for (const Change& change : found) {
    CHECK_FALSE(change.slower);
    CHECK_FALSE(change.faster);
    CHECK(change.ratio == 1);
  }
}

TEST_CASE("what became slower and larger is found, what changed by less is not") {
  const auto found = compared(report_of(3000, 1000), report_of(3300, 1020));
  CHECK(found[0].slower);  // a, wall
  CHECK(found[1].slower);  // a, peak memory
  CHECK(found[0].ratio == doctest::Approx(1.1).epsilon(0.01));
  CHECK_FALSE(found[2].slower);
  CHECK_FALSE(found[3].slower);
  CHECK(to_text(found).find("+10.0 %") != std::string::npos);
  CHECK(compared(report_of(3300, 1000), report_of(3000, 1000))[0].faster);
}

TEST_CASE("what is no report says so") {
  CHECK(parse_report("").error().message == "this is not JSON");
  CHECK(parse_report("[]").error().message.starts_with("this is no report of hellomark"));
  CHECK(parse_report(R"({"hellomark":"1","commands":[{}]})").error().message ==
        "a command of the report has no name");
  CHECK(parse_report(R"({"hellomark":"1","commands":[{"name":"x","samples":[1]}]})")->size() == 1);
}

}  // namespace
}  // namespace hellomark
