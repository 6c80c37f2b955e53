// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/spf/spf_record.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/core/text.h"
#include "smtpgate/spf/spf_macro.h"

namespace smtpgate {
namespace {

using Kind = SpfMechanism::Kind;

constexpr std::string_view kVersion = "v=spf1";
constexpr std::string_view kDigits = "0123456789";

struct MechanismName {
  std::string_view name;
  Kind kind;
};
constexpr MechanismName kMechanisms[] = {
    {"all", Kind::kAll}, {"include", Kind::kInclude}, {"a", Kind::kA},
    {"mx", Kind::kMx},   {"ptr", Kind::kPtr},         {"ip4", Kind::kIp4},
    {"ip6", Kind::kIp6}, {"exists", Kind::kExists},
};

hf::Result<int> parse_prefix_length(std::string_view text, int max) {
  const auto length = hf::parse_int(text, 0, max);
  if (!length || (text.size() > 1 && text[0] == '0'))
    return hf::fail(fmt::format("the prefix length must be a number from 0 to {}", max));
  return static_cast<int>(*length);
}

/// Takes "/24", "//64" or "/24//64" off the end of `rest`. A slash may also be part of a
/// domain-spec, so what is not a number behind one is left for others to refuse.
hf::Result<void> take_prefix_lengths(std::string_view& rest, SpfMechanism& mechanism) {
  const auto number_begins = [&] {
    const size_t begin = rest.find_last_not_of(kDigits) + 1;  // 0 if all are digits
    return begin > 0 && begin < rest.size() && rest[begin - 1] == '/' ? begin : rest.npos;
  };
  size_t begin = number_begins();
  if (begin != rest.npos && begin >= 2 && rest[begin - 2] == '/') {
    HF_TRY_ASSIGN(mechanism.v6_length, parse_prefix_length(rest.substr(begin), 128));
    rest = rest.substr(0, begin - 2);
    begin = number_begins();
  }
  if (begin != rest.npos) {
    HF_TRY_ASSIGN(mechanism.v4_length, parse_prefix_length(rest.substr(begin), 32));
    rest = rest.substr(0, begin - 1);
  }
  return {};
}

hf::Result<void> parse_network(std::string_view text, bool v6, SpfMechanism& mechanism) {
  const size_t slash = std::min(text.find('/'), text.size());
  const std::string_view host = text.substr(0, slash);
  const auto address = hf::IpAddress::parse(host);
  if (!address || v6 != (host.find(':') != host.npos))
    return hf::fail(fmt::format("an {} address is missing", v6 ? "IPv6" : "IPv4"));
  int length = v6 ? 128 : 32;
  if (slash < text.size()) {
    HF_TRY_ASSIGN(length, parse_prefix_length(text.substr(slash + 1), length));
  }
  if (v6 != address->is_v4()) mechanism.network = hf::IpPrefix(*address, length);
  return {};
}

/// Reads what follows a mechanism's name.
hf::Result<void> parse_argument(std::string_view rest, SpfMechanism& mechanism) {
  const Kind kind = mechanism.kind;
  if (kind == Kind::kA || kind == Kind::kMx) HF_TRY(take_prefix_lengths(rest, mechanism));
  if (rest.empty()) {
    if (kind == Kind::kAll || kind == Kind::kA || kind == Kind::kMx || kind == Kind::kPtr)
      return {};
    return hf::fail("it needs a colon and a value");
  }
  if (rest[0] != ':' || kind == Kind::kAll) return hf::fail("what follows its name is not allowed");
  rest.remove_prefix(1);
  if (kind == Kind::kIp4 || kind == Kind::kIp6)
    return parse_network(rest, kind == Kind::kIp6, mechanism);
  HF_TRY(check_domain_spec(rest));
  mechanism.domain = rest;
  return {};
}

hf::Result<SpfMechanism> parse_mechanism(std::string_view term) {
  SpfMechanism mechanism;
  switch (term[0]) {
    case '-': mechanism.result = SpfResult::kFail; break;
    case '~': mechanism.result = SpfResult::kSoftFail; break;
    case '?': mechanism.result = SpfResult::kNeutral; break;
  }
  if (std::string_view("+-~?").find(term[0]) != std::string_view::npos) term.remove_prefix(1);
  const std::string_view name = term.substr(0, term.find_first_of(":/"));
  const auto* const known = std::ranges::find_if(kMechanisms, [&](const MechanismName& entry) {
    return hf::equals_ignoring_case(entry.name, name);
  });
  if (known == std::end(kMechanisms)) return hf::fail("there is no such mechanism");
  mechanism.kind = known->kind;
  HF_TRY(parse_argument(term.substr(name.size()), mechanism));
  return mechanism;
}

bool is_modifier_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !name.empty() && is_letter(name[0]) && std::ranges::all_of(name, [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

/// Reads the terms one by one, and remembers what may come only once.
class RecordParser {
 public:
  hf::Result<void> add(std::string_view term) {
    const size_t equals = term.find_first_of(":/=");
    if (equals != term.npos && term[equals] == '=')
      return add_modifier(term.substr(0, equals), term.substr(equals + 1));
    HF_TRY_ASSIGN(SpfMechanism mechanism, parse_mechanism(term));
    record_.mechanisms.push_back(std::move(mechanism));
    return {};
  }
  SpfRecord take() { return std::move(record_); }

 private:
  hf::Result<void> add_modifier(std::string_view name, std::string_view value) {
    if (!is_modifier_name(name)) return hf::fail("this is no name of a modifier");
    const bool redirect = hf::equals_ignoring_case(name, "redirect");
    if (!redirect && !hf::equals_ignoring_case(name, "exp")) return check_macro_string(value);
    HF_TRY(check_domain_spec(value));
    std::string& place = redirect ? record_.redirect : exp_;
    if (!place.empty()) return hf::fail("it may be given once only");
    place = value;
    return {};
  }

  SpfRecord record_;
  std::string exp_;
};

}  // namespace

std::string_view name_of(SpfResult result) {
  switch (result) {
    case SpfResult::kNone: return "none";
    case SpfResult::kNeutral: return "neutral";
    case SpfResult::kPass: return "pass";
    case SpfResult::kFail: return "fail";
    case SpfResult::kSoftFail: return "softfail";
    case SpfResult::kTempError: return "temperror";
    case SpfResult::kPermError: return "permerror";
  }
  hf::check_failed("SpfResult", "not one of its values");
}

bool is_spf_record(std::string_view text) {
  return hf::starts_with_ignoring_case(text, kVersion) &&
         (text.size() == kVersion.size() || text[kVersion.size()] == ' ');
}

hf::Result<SpfRecord> parse_spf_record(std::string_view text) {
  HF_CHECK(is_spf_record(text), "not an SPF record");
  RecordParser parser;
  for (const std::string_view term : hf::split(text.substr(kVersion.size()), ' ')) {
    if (term.empty()) continue;
    if (auto added = parser.add(term); !added)
      return hf::fail(std::move(added).error().within(fmt::format("\"{}\"", hf::printable(term))));
  }
  return parser.take();
}

}  // namespace smtpgate
