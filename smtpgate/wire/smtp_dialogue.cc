// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/smtp_dialogue.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/core/text.h"
#include "smtpgate/wire/smtp_path.h"

namespace smtpgate {
namespace {

constexpr int kCommandLimit = 20;
constexpr int kRecipientLimit = 100;  // RFC 5321 §4.5.3.1.8: no less

/// What no mail client says: HTTP, and the header lines of a web form posted to port 25.
bool is_not_smtp(const SmtpLine& line) {
  constexpr std::array<std::string_view, 8> kVerbs{"GET",     "POST",    "PUT",   "HEAD",
                                                   "OPTIONS", "CONNECT", "PATCH", "DELETE"};
  return line.verb.ends_with(':') || std::ranges::find(kVerbs, line.verb) != kVerbs.end();
}

}  // namespace

const SmtpDialogue::Command SmtpDialogue::kCommands[] = {
    {"EHLO", &SmtpDialogue::hello}, {"HELO", &SmtpDialogue::hello},
    {"MAIL", &SmtpDialogue::mail},  {"RCPT", &SmtpDialogue::rcpt},
    {"DATA", &SmtpDialogue::data},  {"BDAT", &SmtpDialogue::bdat},
    {"RSET", &SmtpDialogue::rset},  {"QUIT", &SmtpDialogue::quit},
    {"NOOP", &SmtpDialogue::simple}, {"VRFY", &SmtpDialogue::simple},
    {"HELP", &SmtpDialogue::simple}, {"EXPN", &SmtpDialogue::simple},
    {"ETRN", &SmtpDialogue::simple}, {"AUTH", &SmtpDialogue::simple},
    {"STARTTLS", &SmtpDialogue::start_tls},
};

SmtpDialogue::Event SmtpDialogue::take(const SmtpLine& line, std::string& out) {
  const bool recipient = line.verb == "RCPT";
  if (!recipient && ++commands_ > kCommandLimit)
    return fail(Fault::kTooMany, "Too many commands, closing", out);
  // Extensions lengthen these two (RFC 1870, 3461, 6531).
  const bool may_be_long = recipient || line.verb == "MAIL";
  if (line.bare_lf || line.cut || (line.too_long && !may_be_long)) return malformed(line, out);
  if (is_not_smtp(line)) return fail(Fault::kNonSmtp, "This is a mail server, closing", out);
  for (const Command& command : kCommands)
    if (command.verb == line.verb) return (this->*command.handler)(line, out);
  return say({500, "5.5.2", "Command not recognized"}, out);
}

SmtpDialogue::Event SmtpDialogue::malformed(const SmtpLine& line, std::string& out) {
  fault_ = line.bare_lf ? Fault::kBareLf : Fault::kLongLine;
  const std::string_view why = line.bare_lf ? "Lines must end in CRLF" : "Line too long";
  if (++malformed_ > 1) return close("4.5.2", why, out);
  return say({500, "5.5.2", std::string(why)}, out);
}

SmtpDialogue::Event SmtpDialogue::pipelined(std::string& out) {
  return fail(Fault::kPipelining, "Wait for each reply, PIPELINING is not offered; closing", out);
}

SmtpDialogue::Event SmtpDialogue::fail(Fault fault, std::string_view why, std::string& out) {
  fault_ = fault;
  return close("4.7.0", why, out);
}

SmtpDialogue::Event SmtpDialogue::close(std::string_view enhanced, std::string_view why,
                                        std::string& out) {
  out += SmtpReply{421, std::string(enhanced), fmt::format("{} [{}]", why, options_.id)}.wire();
  return Event::kClosed;
}

SmtpDialogue::Event SmtpDialogue::say(const SmtpReply& reply, std::string& out) const {
  out += reply.wire();
  return Event::kGoOn;
}

SmtpDialogue::Event SmtpDialogue::hello(const SmtpLine& line, std::string& out) {
  if (line.argument.empty()) return say({501, "5.5.4", line.verb + " needs a host name"}, out);
  envelope_ = {.hello = line.raw, .helo = line.argument};
  stage_ = Stage::kGreeted;
  deferred_ = false;
  if (line.verb == "HELO") {
    out += SmtpReply{250, {}, options_.name}.wire();
    return Event::kGoOn;
  }
  std::vector<std::string> lines{options_.name};
  std::ranges::copy(options_.keywords, std::back_inserter(lines));
  if (options_.tls && !in_tls_) lines.emplace_back("STARTTLS");
  for (size_t i = 0; i < lines.size(); ++i)
    out += fmt::format("250{}{}\r\n", i + 1 < lines.size() ? '-' : ' ', lines[i]);
  return Event::kGoOn;
}

SmtpDialogue::Event SmtpDialogue::mail(const SmtpLine& line, std::string& out) {
  if (stage_ == Stage::kStart) return say({503, "5.5.1", "Say EHLO first"}, out);
  if (stage_ != Stage::kGreeted) return say({503, "5.5.1", "A sender was named already"}, out);
  auto sender = parse_path(line.argument, "FROM");
  if (!sender) return say({501, "5.1.7", "Bad sender: " + sender.error().message}, out);
  envelope_.mail = line.raw;
  envelope_.sender = std::move(*sender);
  stage_ = Stage::kMail;
  say({250, "2.1.0", "Ok"}, out);
  return Event::kSender;
}

SmtpDialogue::Event SmtpDialogue::rcpt(const SmtpLine& line, std::string& out) {
  if (stage_ < Stage::kMail) return say({503, "5.5.1", "Name the sender first"}, out);
  if (++recipients_ > kRecipientLimit) return say({452, "4.5.3", "Too many recipients"}, out);
  auto recipient = parse_path(line.argument, "TO");
  if (recipient && recipient->empty()) recipient = hf::fail("it is empty");
  if (!recipient) return say({501, "5.1.3", "Bad recipient: " + recipient.error().message}, out);
  if (deferred_) {
    defer(deferral_, out);
    return Event::kGoOn;
  }
  envelope_.rcpt = line.raw;
  envelope_.recipient = std::move(*recipient);
  stage_ = Stage::kRcpt;
  return Event::kRecipient;
}

void SmtpDialogue::defer(SmtpReply reply, std::string& out) {
  deferred_ = true;
  deferral_ = std::move(reply);
  if (envelope_.sender.empty())
    say({250, "2.1.5", "Ok"}, out);
  else
    say(deferral_, out);
}

SmtpDialogue::Event SmtpDialogue::data(const SmtpLine&, std::string& out) {
  if (stage_ < Stage::kMail) return say({503, "5.5.1", "Name the sender first"}, out);
  if (deferred_ && envelope_.sender.empty()) return say(deferral_, out);
  return say({554, "5.5.1", "No valid recipients"}, out);
}

SmtpDialogue::Event SmtpDialogue::bdat(const SmtpLine& line, std::string& out) {
  const char* const begin = line.argument.data();
  const char* const end = begin + line.argument.size();
  const auto [after, error] = std::from_chars(begin, end, skip_);
  // Where the chunk ends is then unknown, and what follows cannot be told from commands.
  if (error != std::errc() || (after != end && *after != ' '))
    return fail(Fault::kNonSmtp, "BDAT needs a size, closing", out);
  return data(line, out);
}

SmtpDialogue::Event SmtpDialogue::rset(const SmtpLine&, std::string& out) {
  if (stage_ > Stage::kGreeted) stage_ = Stage::kGreeted;
  deferred_ = false;
  return say({250, "2.0.0", "Ok"}, out);
}

SmtpDialogue::Event SmtpDialogue::quit(const SmtpLine&, std::string& out) {
  say({221, "2.0.0", "Bye"}, out);
  return Event::kClosed;
}

SmtpDialogue::Event SmtpDialogue::start_tls(const SmtpLine& line, std::string& out) {
  if (!options_.tls || in_tls_) return say({502, "5.5.1", "TLS is not to be had here"}, out);
  if (!line.argument.empty()) return say({501, "5.5.4", "STARTTLS takes no parameter"}, out);
  return Event::kTls;
}

SmtpDialogue::Event SmtpDialogue::simple(const SmtpLine& line, std::string& out) {
  if (line.verb == "NOOP") return say({250, "2.0.0", "Ok"}, out);
  if (line.verb == "VRFY") return say({252, "2.0.0", "Send some mail, it will be tried"}, out);
  if (line.verb == "HELP") return say({214, "2.0.0", "See RFC 5321"}, out);
  return say({502, "5.5.1", line.verb + " is not available here"}, out);
}

void SmtpDialogue::begin_again_in_tls() {
  in_tls_ = true;
  stage_ = Stage::kStart;
  deferred_ = false;
  envelope_ = {};
}

std::string_view name_of(SmtpDialogue::Fault fault) {
  constexpr std::array<std::string_view, 6> kNames{"none",    "non-smtp",  "pipelining",
                                                   "bare-lf", "long-line", "too-many"};
  return kNames[static_cast<size_t>(fault)];
}

std::vector<std::string> ehlo_keywords(std::string_view reply) {
  std::vector<std::string> out;
  bool first = true;
  for (std::string_view line : hf::split(reply, '\n')) {
    if (!std::exchange(first, false) && line.size() > 4) {
      std::string keyword(hf::trim(line.substr(4)));
      const size_t end = std::min(keyword.find(' '), keyword.size());
      std::ranges::transform(keyword.begin(), keyword.begin() + static_cast<ptrdiff_t>(end),
                             keyword.begin(),
                             [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
      out.push_back(std::move(keyword));
    }
  }
  return out;
}

std::vector<std::string> passable_keywords(const std::vector<std::string>& keywords) {
  constexpr std::array<std::string_view, 9> kPassable{
      "SIZE", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "CHUNKING", "BINARYMIME",
      "DELIVERBY", "MT-PRIORITY"};
  std::vector<std::string> out;
  for (const std::string& keyword : keywords)
    if (std::ranges::find(kPassable, std::string_view(keyword).substr(0, keyword.find(' '))) !=
        kPassable.end())
      out.push_back(keyword);
  return out;
}

}  // namespace smtpgate
