// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/spf/spf_macro.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/core/text.h"
#include "smtpgate/spf/domain_name.h"

namespace smtpgate {
namespace {

constexpr std::string_view kLetters = "slodiphv";
constexpr std::string_view kDelimiters = ".-+,/_=";

// Locale and signedness of char have no say in what the grammar calls a letter.
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_alphanumeric(char c) {
  return is_digit(c) || is_letter(c);
}

struct Macro {
  char letter = 0;           // lower case
  bool url_escaped = false;  // it was upper case
  size_t parts = SIZE_MAX;   // how many to keep, from the right
  bool reversed = false;
  std::string_view delimiters = ".";
};

/// A stretch of literal text, or something that begins with a percent sign.
struct Piece {
  std::string_view literal;  // what to put, if not a macro
  std::optional<Macro> macro;
  bool is_expansion = false;  // a macro, or one of %% %_ %-
};

/// What stands between the braces of %{…}.
hf::Result<Macro> parse_macro(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return hf::fail(fmt::format("macro %{{{}}}: {}", hf::printable(text), why));
  };
  Macro macro;
  if (text.empty()) return wrong("it has no letter");
  macro.letter = is_letter(text[0]) ? static_cast<char>(text[0] | 0x20) : text[0];
  macro.url_escaped = macro.letter != text[0];
  if (kLetters.find(macro.letter) == kLetters.npos)
    return wrong("its letter must be one of s l o d i p h v");

  std::string_view rest = text.substr(1);
  const size_t digits =
      static_cast<size_t>(std::ranges::find_if_not(rest, is_digit) - rest.begin());
  if (digits > 0) {
    // A number too large for us keeps all parts, as any does that exceeds how many there are.
    const auto number = hf::parse_int(rest.substr(0, digits), 0, INT32_MAX);
    if (number == 0) return wrong("it keeps no part");
    if (number) macro.parts = static_cast<size_t>(*number);
    rest.remove_prefix(digits);
  }
  if (!rest.empty() && (rest[0] | 0x20) == 'r') {
    macro.reversed = true;
    rest.remove_prefix(1);
  }
  if (rest.find_first_not_of(kDelimiters) != rest.npos)
    return wrong("after its letter may come a number, an r, and delimiters of . - + , / _ =");
  if (!rest.empty()) macro.delimiters = rest;
  return macro;
}

/// Takes the first piece off `rest`, which is not empty.
hf::Result<Piece> take_piece(std::string_view& rest) {
  const auto take = [&](size_t size) {
    const std::string_view taken = rest.substr(0, size);
    rest.remove_prefix(taken.size());
    return taken;
  };
  if (rest[0] != '%') {
    const std::string_view literal = take(std::min(rest.find('%'), rest.size()));
    if (std::ranges::any_of(literal, [](char c) { return c <= ' ' || c > '~'; }))
      return hf::fail(
          fmt::format("\"{}\" has characters that may not stand there", hf::printable(literal)));
    return Piece{literal, {}, false};
  }
  const char second = rest.size() > 1 ? rest[1] : '\0';
  if (second == '%') return take(2), Piece{"%", {}, true};
  if (second == '_') return take(2), Piece{" ", {}, true};
  if (second == '-') return take(2), Piece{"%20", {}, true};
  const size_t end = rest.find('}');
  if (second != '{' || end == rest.npos)
    return hf::fail(
        fmt::format("\"{}\": a % must begin one of %{{letter}} %% %_ %-", hf::printable(rest)));
  HF_TRY_ASSIGN(const Macro macro, parse_macro(take(end + 1).substr(2, end - 2)));
  return Piece{{}, macro, true};
}

hf::Result<std::vector<Piece>> pieces_of(std::string_view text) {
  std::vector<Piece> pieces;
  while (!text.empty()) {
    HF_TRY_ASSIGN(const Piece piece, take_piece(text));
    pieces.push_back(piece);
  }
  return pieces;
}

bool is_top_label(std::string_view label) {
  const auto may_stand = [](char c) { return is_alphanumeric(c) || c == '-'; };
  return !label.empty() && std::ranges::all_of(label, may_stand) && label.front() != '-' &&
         label.back() != '-' && !std::ranges::all_of(label, is_digit);
}

std::string dotted_address(const hf::IpAddress& address) {
  if (address.is_v4()) return address.to_string();
  std::string nibbles;
  for (const uint8_t byte : address.bytes())
    nibbles += fmt::format("{:x}.{:x}.", byte >> 4, byte & 0xf);
  nibbles.pop_back();
  return nibbles;
}

std::string value_of(char letter, const SpfMacroValues& values) {
  switch (letter) {
    case 's': return fmt::format("{}@{}", values.local_part, values.sender_domain);
    case 'l': return std::string(values.local_part);
    case 'o': return std::string(values.sender_domain);
    case 'd': return std::string(values.domain);
    case 'i': return dotted_address(values.client);
    case 'p': return std::string(values.validated_name);
    case 'h': return std::string(values.helo);
    default: return values.client.is_v4() ? "in-addr" : "ip6";
  }
}

/// RFC 7208 §7.3: split, reversed, cut, joined by dots.
std::string transformed(std::string_view value, const Macro& macro) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = value.find_first_of(macro.delimiters);
    parts.push_back(value.substr(0, end));
    if (end == value.npos) break;
    value.remove_prefix(end + 1);
  }
  if (macro.reversed) std::ranges::reverse(parts);
  if (parts.size() > macro.parts)
    parts.erase(parts.begin(), parts.end() - static_cast<ptrdiff_t>(macro.parts));
  return fmt::format("{}", fmt::join(parts, "."));
}

std::string url_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (is_alphanumeric(c) || std::string_view("-._~").find(c) != std::string_view::npos)
      escaped += c;
    else
      escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return escaped;
}

std::string expand(const Piece& piece, const SpfMacroValues& values) {
  if (!piece.macro) return std::string(piece.literal);
  std::string text = transformed(value_of(piece.macro->letter, values), *piece.macro);
  return piece.macro->url_escaped ? url_escaped(text) : text;
}

}  // namespace

hf::Result<void> check_macro_string(std::string_view text) {
  HF_TRY(pieces_of(text));
  return {};
}

hf::Result<void> check_domain_spec(std::string_view text) {
  HF_TRY_ASSIGN(const std::vector<Piece> pieces, pieces_of(text));
  if (pieces.empty()) return hf::fail("a domain is missing");
  if (pieces.back().is_expansion) return {};
  std::string_view end = pieces.back().literal;
  if (end.ends_with('.')) end.remove_suffix(1);
  const size_t dot = end.rfind('.');
  if (dot == end.npos || !is_top_label(end.substr(dot + 1)))
    return hf::fail(fmt::format("\"{}\" does not end like a domain name", hf::printable(text)));
  return {};
}

bool uses_validated_name(std::string_view spec) {
  const auto pieces = pieces_of(spec);
  HF_CHECK(pieces, "the domain-spec was not checked");
  return std::ranges::any_of(
      *pieces, [](const Piece& piece) { return piece.macro && piece.macro->letter == 'p'; });
}

std::string expand_domain_spec(std::string_view spec, const SpfMacroValues& values) {
  const auto pieces = pieces_of(spec);
  HF_CHECK(pieces, "the domain-spec was not checked");
  // A long record can expand to megabytes, of which only the end counts: so from the right, until
  // there is more than can be kept.
  std::string name;
  for (auto piece = pieces->rbegin();
       piece != pieces->rend() && name.size() <= kMaxDomainOctets + 1; ++piece)
    name.insert(0, expand(*piece, values));
  if (name.ends_with('.')) name.pop_back();
  if (name.size() > kMaxDomainOctets) {
    const size_t dot = name.find('.', name.size() - kMaxDomainOctets - 1);
    if (dot != name.npos) name.erase(0, dot + 1);
  }
  return hf::to_lower(name);
}

}  // namespace smtpgate
