// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/smtp_line.h"

#include <vector>

#include <doctest/doctest.h>

namespace {

using smtpgate::SmtpLine;
using smtpgate::SmtpLineReader;
using smtpgate::SmtpReplyReader;
using namespace std::string_view_literals;

/// All lines of `bytes`, fed in pieces of `step` bytes.
std::vector<SmtpLine> lines_of(std::string_view bytes, size_t step = std::string_view::npos) {
  SmtpLineReader reader;
  std::vector<SmtpLine> lines;
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    while (auto line = reader.next(piece)) lines.push_back(std::move(*line));
    CHECK(piece.empty());
  }
  return lines;
}

SmtpLine only_line(std::string_view bytes) {
  auto lines = lines_of(bytes);
  REQUIRE(lines.size() == 1);
  return lines.front();
}

/// The error of a reply, or "complete" or "more".
std::string outcome(std::string_view bytes) {
  SmtpReplyReader reader;
  const auto taken = reader.feed(bytes);
  if (!taken) return taken.error().message;
  return reader.complete() ? "complete" : "more";
}

}  // namespace

TEST_CASE("a command is a verb in upper case and an argument") {
  const SmtpLine mail = only_line("mail FROM:<a@example> SIZE=1\r\n");
  CHECK(mail.verb == "MAIL");
  CHECK(mail.argument == "FROM:<a@example> SIZE=1");
  CHECK_FALSE(mail.bare_lf);
  CHECK_FALSE(mail.too_long);
  const SmtpLine quit = only_line("  QuIt \t\r\n");
  CHECK(quit.verb == "QUIT");
  CHECK(quit.argument.empty());
  CHECK(only_line("\r\n").verb.empty());
}

TEST_CASE("lines are the same however the bytes are cut") {
  const std::string_view session = "EHLO a\r\nMAIL FROM:<>\nRCPT\rTO:<b>\r\n\r\nQUIT\r\nNO"sv;
  for (const size_t step : {1, 2, 3, 7, 100}) {
    const auto lines = lines_of(session, step);
    REQUIRE(lines.size() == 5);
    CHECK(lines[0].verb == "EHLO");
    CHECK(lines[1].argument == "FROM:<>");
    CHECK(lines[1].bare_lf);
    CHECK(lines[2].verb == "RCPT\rTO:<B>");  // a CR alone ends nothing
    CHECK_FALSE(lines[2].bare_lf);
    CHECK(lines[3].verb.empty());
    CHECK(lines[4].verb == "QUIT");
  }
}

TEST_CASE("CR and LF in different reads are one line end") {
  SmtpLineReader reader;
  std::string_view first = "NOOP\r", second = "\n";
  CHECK_FALSE(reader.next(first));
  const auto line = reader.next(second);
  REQUIRE(line);
  CHECK(line->verb == "NOOP");
  CHECK_FALSE(line->bare_lf);
}

TEST_CASE("NUL and 8-bit bytes stay in the line") {
  const SmtpLine line = only_line("H\0LO \xff\xc3\xa9\0x\r\n"sv);
  CHECK(line.verb == "H\0LO"sv);
  CHECK(line.argument == "\xff\xc3\xa9\0x"sv);
}

TEST_CASE("512 octets are a line, 513 are too long") {
  CHECK_FALSE(only_line("NOOP " + std::string(505, 'x') + "\r\n").too_long);
  const SmtpLine line = only_line("NOOP " + std::string(506, 'x') + "\r\n");
  CHECK(line.too_long);
  CHECK(line.argument.size() == 506);
}

TEST_CASE("a line without end takes no more than its memory, and the next is read well") {
  SmtpLineReader reader;
  const std::string block(65536, 'A');
  for (int i = 0; i < 1000; ++i) {
    std::string_view bytes = block;
    CHECK_FALSE(reader.next(bytes));
  }
  std::string_view rest = "\r\nQUIT\r\n";
  const auto line = reader.next(rest);
  REQUIRE(line);
  CHECK(line->too_long);
  CHECK_FALSE(line->bare_lf);
  CHECK(line->verb == std::string(2048, 'A'));
  const auto quit = reader.next(rest);
  REQUIRE(quit);
  CHECK(quit->verb == "QUIT");
  CHECK_FALSE(quit->too_long);
}

TEST_CASE("a reply of one line gives code, text and all its bytes") {
  SmtpReplyReader reader;
  const auto taken = reader.feed("220 mx.example ESMTP\r\nand more");
  REQUIRE(taken);
  CHECK(*taken == 22);
  CHECK(reader.complete());
  CHECK(reader.code() == 220);
  CHECK(reader.text() == "mx.example ESMTP");
  CHECK(reader.raw() == "220 mx.example ESMTP\r\n");
  CHECK(reader.feed("250 x\r\n").value_or(99) == 0);
}

TEST_CASE("a reply of many lines ends at the line without hyphen, byte by byte") {
  const std::string_view reply = "250-mx.example\r\n250-SIZE 1000\r\n250-\r\n250 DSN\r\n";
  SmtpReplyReader reader;
  for (const char c : reply) {
    CHECK_FALSE(reader.complete());
    CHECK(reader.feed({&c, 1}).value_or(99) == 1);
  }
  CHECK(reader.complete());
  CHECK(reader.code() == 250);
  CHECK(reader.text() == "DSN");
  CHECK(reader.raw() == reply);
}

TEST_CASE("a code alone is a reply (RFC 5321, 4.2)") {
  SmtpReplyReader reader;
  CHECK(reader.feed("354\r\n"));
  CHECK(reader.complete());
  CHECK(reader.code() == 354);
  CHECK(reader.text().empty());
}

TEST_CASE("what is no reply is an error that shows it") {
  CHECK(outcome("250-a\r\n250") == "more");
  CHECK(outcome("250 a\r\n") == "complete");
  for (const char* bad : {"\r\n", "25\r\n", "HTTP/1.1 400\r\n", "250=a\r\n", "2500 a\r\n",
                          "199 a\r\n", "650 a\r\n", "260 a\r\n", " 250 a\r\n", "-250 a\r\n"})
    CHECK(outcome(bad).find("a line must begin like \"250 \" or \"250-\"") != std::string::npos);
  CHECK(outcome("250-a\r\n251 b\r\n") ==
        "no SMTP reply (the code changed between lines): \"251 b\\x0d\\x0a\"");
  CHECK(outcome("250 a\n").find("LF without CR") != std::string::npos);
}

TEST_CASE("a reply may have 64 KiB and no byte more") {
  const std::string end = "250 end\r\n";
  std::string most = "250-";
  most.append(65536 - most.size() - 2 - end.size(), 'x').append("\r\n").append(end);
  REQUIRE(most.size() == 65536);
  CHECK(outcome(most) == "complete");
  most.insert(10, "x");
  CHECK(outcome(most) == "an SMTP reply of more than 65536 bytes");
  CHECK(outcome(std::string(65537, '2')) == "an SMTP reply of more than 65536 bytes");
}
