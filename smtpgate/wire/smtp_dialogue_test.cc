// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/smtp_dialogue.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using smtpgate::Envelope;
using smtpgate::SmtpDialogue;
using smtpgate::SmtpLine;
using smtpgate::SmtpLineReader;
using Event = SmtpDialogue::Event;
using Fault = SmtpDialogue::Fault;

namespace {

const smtpgate::SmtpReply kLater{451, "4.7.1", "First contact, please retry in a few minutes [id]"};

/// A dialogue in which each recipient is deferred, as it goes over the wire.
struct Talk {
  SmtpDialogue dialogue{{.name = "mx.test", .id = "id", .keywords = {"SIZE 1000", "8BITMIME"}}};
  SmtpLineReader reader;
  Event event = Event::kGoOn;

  explicit Talk(bool tls = false)
      : dialogue({.name = "mx.test", .id = "id", .keywords = {"SIZE 1000", "8BITMIME"}, .tls = tls}) {}

  /// What is said to `bytes`, which end a line.
  std::string operator()(std::string_view bytes) {
    std::string out;
    while (auto line = reader.next(bytes)) {
      event = dialogue.take(*line, out);
      if (event == Event::kRecipient) dialogue.defer(kLater, out);
    }
    return out;
  }
  std::string say(const std::string& command) { return (*this)(command + "\r\n"); }
};

}  // namespace

TEST_CASE("each command gets its reply (RFC 5321 §4.1, §4.3.2)") {
  struct Row {
    std::vector<const char*> before;
    const char* command;
    const char* reply;  // how it begins
  };
  const std::vector<const char*> hello{"EHLO c.example"};
  const std::vector<const char*> mail{"EHLO c.example", "MAIL FROM:<a@c.example>"};
  const std::vector<const char*> rcpt{"EHLO c.example", "MAIL FROM:<a@c.example>",
                                      "RCPT TO:<b@mx.test>"};
  const std::vector<const char*> bounce{"EHLO c.example", "MAIL FROM:<>", "RCPT TO:<b@mx.test>"};
  for (const Row& row : {
           Row{{}, "EHLO c.example", "250-mx.test\r\n250-SIZE 1000\r\n250 8BITMIME\r\n"},
           Row{{}, "ehlo c.example", "250-mx.test\r\n"},
           Row{{}, "HELO c.example", "250 mx.test\r\n"},
           Row{{}, "EHLO", "501 5.5.4 "},
           Row{{}, "HELO", "501 5.5.4 "},
           Row{{}, "MAIL FROM:<a@c.example>", "503 5.5.1 "},
           Row{{}, "RCPT TO:<b@mx.test>", "503 5.5.1 "},
           Row{{}, "DATA", "503 5.5.1 "},
           Row{{}, "BDAT 0 LAST", "503 5.5.1 "},
           Row{{}, "RSET", "250 2.0.0 "},
           Row{{}, "NOOP", "250 2.0.0 "},
           Row{{}, "NOOP with words", "250 2.0.0 "},
           Row{{}, "VRFY b", "252 2.0.0 "},
           Row{{}, "HELP", "214 2.0.0 "},
           Row{{}, "EXPN list", "502 5.5.1 "},
           Row{{}, "ETRN c.example", "502 5.5.1 "},
           Row{{}, "AUTH PLAIN abc", "502 5.5.1 "},
           Row{{}, "STARTTLS", "502 5.5.1 "},
           Row{{}, "XFOO", "500 5.5.2 "},
           Row{{}, "", "500 5.5.2 "},
           Row{{}, "QUIT", "221 2.0.0 "},
           Row{{}, "GET / HTTP/1.1", "421 4.7.0 "},
           Row{{}, "Subject: hello", "421 4.7.0 "},
           Row{hello, "EHLO again.example", "250-mx.test"},
           Row{hello, "MAIL FROM:<a@c.example>", "250 2.1.0 "},
           Row{hello, "MAIL FROM:<a@c.example> SIZE=10 BODY=8BITMIME XNEW=1", "250 2.1.0 "},
           Row{hello, "MAIL FROM:<>", "250 2.1.0 "},
           Row{hello, "MAIL TO:<a@c.example>", "501 5.1.7 "},
           Row{hello, "MAIL FROM:<a@c.example", "501 5.1.7 "},
           Row{hello, "MAIL", "501 5.1.7 "},
           Row{hello, "RCPT TO:<b@mx.test>", "503 5.5.1 "},
           Row{mail, "MAIL FROM:<other@c.example>", "503 5.5.1 "},
           Row{mail, "RCPT TO:<>", "501 5.1.3 "},
           Row{mail, "RCPT FROM:<b@mx.test>", "501 5.1.3 "},
           Row{mail, "RCPT TO:<b@mx.test>", "451 4.7.1 "},
           Row{mail, "DATA", "554 5.5.1 "},
           Row{mail, "BDAT 0 LAST", "554 5.5.1 "},
           Row{rcpt, "RCPT TO:<c@mx.test>", "451 4.7.1 "},
           Row{rcpt, "DATA", "554 5.5.1 "},
           Row{rcpt, "MAIL FROM:<other@c.example>", "503 5.5.1 "},
           Row{rcpt, "RSET", "250 2.0.0 "},
           Row{rcpt, "QUIT", "221 2.0.0 "},
           Row{mail, "RSET", "250 2.0.0 "},
           Row{bounce, "RCPT TO:<c@mx.test>", "250 2.1.5 "},
           Row{bounce, "DATA", "451 4.7.1 "},
           Row{bounce, "BDAT 0 LAST", "451 4.7.1 "},
       }) {
    CAPTURE(row.command);
    CAPTURE(row.before.size());
    Talk talk;
    for (const char* command : row.before) talk.say(command);
    const std::string reply = talk.say(row.command);
    CHECK_MESSAGE(reply.starts_with(row.reply), reply);
    CHECK(reply.ends_with("\r\n"));
    CHECK((talk.event == Event::kClosed) == (reply.starts_with("221") || reply.starts_with("421")));
  }
}

TEST_CASE("the envelope holds the lines as they came") {
  Talk talk;
  talk.say("eHLO  c.example ");
  talk.say("mail from:<A@c.example> size=10");
  CHECK(talk.event == Event::kSender);
  talk.say("Rcpt To:<B+x@mx.test>  NOTIFY=NEVER");
  const Envelope& envelope = talk.dialogue.envelope();
  CHECK(envelope.hello == "eHLO  c.example ");
  CHECK(envelope.mail == "mail from:<A@c.example> size=10");
  CHECK(envelope.rcpt == "Rcpt To:<B+x@mx.test>  NOTIFY=NEVER");
  CHECK(envelope.helo == "c.example");
  CHECK(envelope.sender == "A@c.example");
  CHECK(envelope.recipient == "B+x@mx.test");
}

TEST_CASE("only the first recipient of a transaction is asked about") {
  Talk talk;
  talk.say("EHLO c.example");
  talk.say("MAIL FROM:<a@c.example>");
  talk.say("RCPT TO:<1@mx.test>");
  CHECK(talk.event == Event::kRecipient);
  for (int i = 2; i <= 100; ++i) {
    CHECK(talk.say("RCPT TO:<2@mx.test>").starts_with("451 4.7.1 "));
    CHECK(talk.event == Event::kGoOn);
  }
  CHECK(talk.dialogue.envelope().recipient == "1@mx.test");
  CHECK(talk.say("RCPT TO:<2@mx.test>").starts_with("452 4.5.3 "));
  talk.say("RSET");
  talk.say("MAIL FROM:<other@c.example>");
  CHECK(talk.dialogue.envelope().sender == "other@c.example");
}

TEST_CASE("a second EHLO forgets the transaction") {
  Talk talk;
  talk.say("EHLO c.example");
  talk.say("MAIL FROM:<a@c.example>");
  talk.say("RCPT TO:<b@mx.test>");
  talk.say("HELO d.example");
  CHECK(talk.dialogue.envelope().sender.empty());
  CHECK(talk.say("RCPT TO:<b@mx.test>").starts_with("503"));
  talk.say("MAIL FROM:<a@c.example>");
  talk.say("RCPT TO:<b@mx.test>");
  CHECK(talk.event == Event::kRecipient);
}

TEST_CASE("lines that no mail server sends are refused, the second time for good") {
  Talk talk;
  CHECK(talk("EHLO c.example\n").starts_with("500 5.5.2 "));
  CHECK(talk.dialogue.fault() == Fault::kBareLf);
  CHECK(talk("EHLO c.example\n").starts_with("421 4.5.2 "));
  CHECK(talk.event == Event::kClosed);

  Talk longer;
  CHECK(longer.say("EHLO " + std::string(600, 'x')).starts_with("500 5.5.2 "));
  CHECK(longer.dialogue.fault() == Fault::kLongLine);
  CHECK(longer.say("NOOP").starts_with("250"));
  CHECK(longer.say(std::string(100'000, 'x')).starts_with("421 4.5.2 "));
}

TEST_CASE("MAIL and RCPT may be longer than other commands, but not endless") {
  Talk talk;
  talk.say("EHLO c.example");
  const std::string parameter = " XPARAM=" + std::string(1500, 'x');
  CHECK(talk.say("MAIL FROM:<a@c.example>" + parameter).starts_with("250"));
  CHECK(talk.dialogue.envelope().mail.ends_with(parameter));
  CHECK(talk.say("RCPT TO:<b@mx.test>" + parameter).starts_with("451"));
  CHECK(talk.say("RCPT TO:<b@mx.test>" + parameter + parameter).starts_with("500"));
}

TEST_CASE("a client that goes on and on is cut off") {
  Talk talk;
  for (int i = 0; i < 20; ++i) CHECK(talk.say("NOOP").starts_with("250"));
  CHECK(talk.say("NOOP").starts_with("421 4.7.0 "));
  CHECK(talk.dialogue.fault() == Fault::kTooMany);
}

TEST_CASE("what a refused BDAT announced is no command") {
  Talk talk;
  talk.say("EHLO c.example");
  CHECK(talk.say("BDAT 12345 LAST").starts_with("503"));
  CHECK(talk.dialogue.take_bytes_to_skip() == 12345);
  CHECK(talk.dialogue.take_bytes_to_skip() == 0);
  for (const char* bad : {"BDAT", "BDAT x", "BDAT -1", "BDAT 99999999999999999999", "BDAT 1x"}) {
    Talk other;
    CHECK(other.say(bad).starts_with("421"));
    CHECK(other.event == Event::kClosed);
  }
}

TEST_CASE("TLS is offered once, and what came before it is forgotten") {
  Talk talk(true);
  CHECK(talk.say("EHLO c.example").ends_with("250 STARTTLS\r\n"));
  talk.say("MAIL FROM:<a@c.example>");
  CHECK(talk.say("STARTTLS now").starts_with("501 5.5.4 "));
  CHECK(talk.say("STARTTLS").empty());
  CHECK(talk.event == Event::kTls);
  talk.dialogue.begin_again_in_tls();
  CHECK(talk.dialogue.envelope().helo.empty());
  CHECK(talk.say("MAIL FROM:<a@c.example>").starts_with("503"));
  CHECK(talk.say("EHLO c.example").find("STARTTLS") == std::string::npos);
  CHECK(talk.say("STARTTLS").starts_with("502"));
}

TEST_CASE("what a server offers is told as far as it can be kept") {
  const auto all = smtpgate::ehlo_keywords(
      "250-mx.test at your service\r\n250-PIPELINING\r\n250-size 1000\r\n250-StartTLS\r\n"
      "250-AUTH PLAIN\r\n250-8bitmime\r\n250 CHUNKING\r\n");
  CHECK(all == std::vector<std::string>{"PIPELINING", "SIZE 1000", "STARTTLS", "AUTH PLAIN",
                                        "8BITMIME", "CHUNKING"});
  CHECK(smtpgate::passable_keywords(all) ==
        std::vector<std::string>{"SIZE 1000", "8BITMIME", "CHUNKING"});
}
