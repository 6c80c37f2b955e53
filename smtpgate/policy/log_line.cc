// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/policy/log_line.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "base/core/text.h"

namespace smtpgate {
namespace {

constexpr std::string_view kMarker = "conn v=1 ";

/// The enumerator of E with this name; E's names are dense from 0 and end at `last`.
template <class E>
std::optional<E> named(std::string_view name, E last) {
  for (int i = 0; i <= static_cast<int>(last); ++i)
    if (name_of(static_cast<E>(i)) == name) return static_cast<E>(i);
  return std::nullopt;
}

template <class T>
void read_number(std::string_view text, T& out) {
  std::from_chars(text.data(), text.data() + text.size(), out);
}

/// Bytes from outside as one field: no blank, so that they cannot begin another.
std::string one_field(std::string_view bytes) {
  std::string out = hf::printable(bytes, 255);
  std::ranges::replace(out, ' ', '_');
  return out;
}

std::string format_pregreet(const PregreetFact& fact) {
  switch (fact.state) {
    case PregreetFact::State::kPassedBefore:
    case PregreetFact::State::kPending: return std::string(name_of(fact.state));
    case PregreetFact::State::kTalked:
      return fmt::format("talked:{}:{}", fact.after_ms, name_of(fact.kind));
    default: return fmt::format("{}:{}", name_of(fact.state), fact.after_ms);
  }
}

PregreetFact parse_pregreet(std::string_view text) {
  PregreetFact fact;
  const auto parts = hf::split(text, ':');
  if (auto state = named(parts[0], PregreetFact::State::kHungUp)) fact.state = *state;
  if (parts.size() > 1) read_number(parts[1], fact.after_ms);
  if (parts.size() > 2)
    if (auto kind = named(parts[2], FirstBytes::kBinary)) fact.kind = *kind;
  return fact;
}

/// "name:answer,answer" for a listing, "name:-" for none, "name:?" for no answer.
void format_lists(const LogLine& line, std::string& out) {
  bool first = true;
  for (size_t i = 0; i < line.facts.lists.size() && i < line.list_names.size(); ++i) {
    const ListFact& fact = line.facts.lists[i];
    if (fact.state == ListFact::State::kNotAsked) continue;
    if (!first) out += ';';
    first = false;
    out += line.list_names[i];
    out += ':';
    if (fact.state != ListFact::State::kAnswered) {
      out += '?';
    } else if (fact.answers.empty()) {
      out += '-';
    } else {
      for (size_t a = 0; a < fact.answers.size(); ++a) {
        if (a != 0) out += ',';
        out += fact.answers[a].to_string();
      }
    }
  }
  if (first) out += '-';
}

void parse_lists(std::string_view text, LogLine& line) {
  if (text == "-") return;
  for (std::string_view part : hf::split(text, ';')) {
    const size_t colon = part.rfind(':');  // an answer is 127.x.y.z, so the last colon ends the name
    if (colon == std::string_view::npos) continue;
    const std::string_view answers = part.substr(colon + 1);
    ListFact fact;
    fact.state = answers == "?" ? ListFact::State::kFailed : ListFact::State::kAnswered;
    for (std::string_view answer : hf::split(answers, ','))
      if (auto ip = hf::IpAddress::parse(answer)) fact.answers.push_back(*ip);
    line.list_names.emplace_back(part.substr(0, colon));
    line.facts.lists.push_back(std::move(fact));
  }
}

RdnsFact parse_rdns(std::string_view text) {
  RdnsFact fact;
  const size_t colon = text.find(':');
  if (auto state = named(text.substr(0, colon), RdnsFact::State::kFailed)) fact.state = *state;
  if (colon != std::string_view::npos) fact.name = text.substr(colon + 1);
  return fact;
}

std::string_view without_brackets(std::string_view value) {
  return value.starts_with('<') && value.ends_with('>') ? value.substr(1, value.size() - 2)
                                                        : std::string_view();
}

void format_dialogue(const LogLine::Dialogue& dialogue, std::string& out) {
  auto or_dash = [](const std::string& text) { return text.empty() ? "-" : one_field(text); };
  fmt::format_to(std::back_inserter(out), " helo={} from=<{}> rcpt=<{}> spf={} grey={} tls={}",
                 or_dash(dialogue.helo), one_field(dialogue.sender), one_field(dialogue.recipient),
                 or_dash(dialogue.spf), or_dash(dialogue.grey), or_dash(dialogue.tls));
}

void read_pair(std::string_view key, std::string_view value, LogLine& line) {
  auto endpoint = [&](hf::Endpoint& out) {
    if (auto parsed = hf::Endpoint::parse(value)) out = *parsed;
  };
  if (key == "t") line.time = hf::parse_utc(value).value_or(0);
  else if (key == "id") line.id = value;
  else if (key == "client") endpoint(line.client);
  else if (key == "server") endpoint(line.server);
  else if (key == "verdict") line.action = named(value, Action::kHangup).value_or(Action::kWait);
  else if (key == "reason")
    line.reason = named(value, kLastReason).value_or(Reason::kUndecided);
  else if (key == "mode") line.enforced = value == "enforce";
  else if (key == "score") read_number(value, line.score);
  else if (key == "soft") line.soft = value == "1";
  else if (key == "doubtful") line.doubtful = value == "1";
  else if (key == "partial") line.partial = value == "1";
  else if (key == "pregreet") line.facts.pregreet = parse_pregreet(value);
  else if (key == "rdns") line.facts.rdns = parse_rdns(value);
  else if (key == "lists") parse_lists(value, line);
  else if (key == "limit")
    line.facts.limit = named(value, Limit::kDescriptors).value_or(Limit::kNone);
  else if (key == "access") {
    line.facts.allowed = value == "allow";
    line.facts.denied = value == "deny";
  } else if (key == "known") line.facts.known_good = value == "1";
  else if (key == "backend") line.backend = value == "-" ? "" : value;
  else if (key == "code") read_number(value, line.code);
  else if (key == "in") read_number(value, line.bytes_in);
  else if (key == "out") read_number(value, line.bytes_out);
  else if (key == "ms") read_number(value, line.duration_ms);
  else if (key == "helo") line.dialogue.helo = value == "-" ? "" : value;
  else if (key == "from") line.dialogue.sender = without_brackets(value);
  else if (key == "rcpt") line.dialogue.recipient = without_brackets(value);
  else if (key == "spf") line.dialogue.spf = value == "-" ? "" : value;
  else if (key == "grey") line.dialogue.grey = value == "-" ? "" : value;
  else if (key == "tls") line.dialogue.tls = value == "-" ? "" : value;
}

}  // namespace

void format_log_line(const LogLine& line, std::string& out) {
  const Facts& facts = line.facts;
  auto to = std::back_inserter(out);
  fmt::format_to(to,
                 "{}t={} id={} client={} server={} verdict={} reason={} mode={} score={} soft={:d} "
                 "doubtful={:d} partial={:d} pregreet={} rdns={}",
                 kMarker, hf::format_utc(line.time), line.id, line.client.to_string(),
                 line.server.to_string(), name_of(line.action), name_of(line.reason),
                 line.enforced ? "enforce" : "observe", line.score, line.soft, line.doubtful,
                 line.partial, format_pregreet(facts.pregreet), name_of(facts.rdns.state));
  if (!facts.rdns.name.empty()) fmt::format_to(to, ":{}", one_field(facts.rdns.name));
  out += " lists=";
  format_lists(line, out);
  fmt::format_to(to, " limit={} access={} known={:d} backend={} code={} in={} out={} ms={}",
                 name_of(facts.limit), facts.allowed ? "allow" : facts.denied ? "deny" : "-",
                 facts.known_good, line.backend.empty() ? "-" : line.backend, line.code,
                 line.bytes_in, line.bytes_out, line.duration_ms);
  if (!line.dialogue.helo.empty()) format_dialogue(line.dialogue, out);
}

std::optional<LogLine> parse_log_line(std::string_view text) {
  const size_t start = text.find(kMarker);
  if (start == std::string_view::npos) return std::nullopt;
  LogLine line;
  for (std::string_view pair : hf::split_blanks(text.substr(start + kMarker.size()))) {
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos)
      read_pair(pair.substr(0, equals), pair.substr(equals + 1), line);
  }
  line.facts.client = line.client.ip;
  if (line.id.empty() || line.action == Action::kWait) return std::nullopt;
  return line;
}

}  // namespace smtpgate
