// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/lists/rbldnsd_reader.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/core/text.h"
#include "smtpgate/lists/lines.h"

namespace smtpgate {
namespace {

using Format = RbldnsdZone::Format;

constexpr size_t kLargestFile = 1U << 30;  // keeps every count below 32 bits
constexpr size_t kLongestLabel = 63;
constexpr uint32_t kAnswerBlock = 0x7f000000;  // 127.0.0.0, which ":4:" leaves out
constexpr uint32_t kDefaultAnswer = 0x7f000002;
constexpr uint64_t kAllAddresses = uint64_t{1} << 32;

bool is_comment(std::string_view text) {
  return text.starts_with('#') || text.starts_with(';');
}

/// The first octets of an address; those not written are zero in `bits`.
struct Octets {
  uint32_t bits = 0;
  int count = 0;
  uint32_t rest() const { return static_cast<uint32_t>((kAllAddresses >> (8 * count)) - 1); }
};

std::optional<Octets> parse_octets(std::string_view text) {
  Octets octets;
  uint32_t number = 0;
  size_t digits = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '.') {
      if (text[i] < '0' || text[i] > '9' || ++digits > 3) return std::nullopt;
      number = number * 10 + static_cast<uint32_t>(text[i] - '0');
      continue;
    }
    if (digits == 0 || number > 255 || octets.count == 4) return std::nullopt;
    ++octets.count;
    octets.bits |= number << (32 - 8 * octets.count);
    number = 0;
    digits = 0;
  }
  return octets;
}

struct Block {
  uint32_t first = 0, last = 0;
  int length = 0;  // of the prefix; of no meaning where it was written as a-b
};

hf::Result<Block> parse_cidr(std::string_view text, size_t slash, int shortest) {
  const auto octets = parse_octets(text.substr(0, slash));
  const auto length = hf::parse_int(text.substr(slash + 1), shortest, 32);
  if (!octets || !length)
    return hf::fail(
        fmt::format("\"{}\" is not a block such as 192.0.2.0/24 or 10/8", hf::printable(text)));
  const auto hosts = static_cast<uint32_t>((kAllAddresses >> *length) - 1);
  if (octets->bits & hosts)
    return hf::fail(fmt::format("\"{}\" has bits set beyond its length: did you mean {}/{}?",
                                hf::printable(text),
                                hf::IpAddress::v4(octets->bits & ~hosts).to_string(), *length));
  return Block{octets->bits, octets->bits | hosts, static_cast<int>(*length)};
}

/// "10.1.0.0-10.2.255.255", "10.1-10.2" or, with the end's last octet alone, "10.1-2".
hf::Result<Block> parse_span(std::string_view text, size_t dash) {
  const auto first = parse_octets(text.substr(0, dash));
  auto last = parse_octets(text.substr(dash + 1));
  if (!first || !last)
    return hf::fail(fmt::format("\"{}\" is not a range such as 192.0.2.0-192.0.2.9 or 10.1-2",
                                hf::printable(text)));
  if (last->count == 1) {
    const uint32_t octet = last->bits >> 24;
    const int shift = 32 - 8 * first->count;
    last = Octets{(first->bits & ~(0xffU << shift)) | octet << shift, first->count};
  }
  const uint32_t end = last->bits | last->rest();
  if (end < first->bits)
    return hf::fail(fmt::format("the range \"{}\" ends before it begins", hf::printable(text)));
  return Block{first->bits, end, 0};
}

hf::Result<Block> parse_block(std::string_view text, Format format) {
  if (const size_t slash = text.find('/'); slash != text.npos)
    return parse_cidr(text, slash, format == Format::kIp4Trie ? 0 : 1);
  if (const size_t dash = text.find('-'); dash != text.npos) {
    if (format == Format::kIp4Set) return parse_span(text, dash);
    return hf::fail(fmt::format("\"{}\": ip4trie takes no ranges; write CIDR blocks, or use ip4set",
                                hf::printable(text)));
  }
  const auto octets = parse_octets(text);
  // rbldnsd refuses a lone number too: it is more often rubbish than a /8.
  if (!octets || octets->count < 2)
    return hf::fail(fmt::format("\"{}\" is not an IPv4 address or block", hf::printable(text)));
  return Block{octets->bits, octets->bits | octets->rest(), 8 * octets->count};
}

hf::Result<uint32_t> parse_answer(std::string_view text) {
  if (const auto last = hf::parse_int(text, 1, 255))
    return kAnswerBlock | static_cast<uint32_t>(*last);
  const auto whole = parse_octets(text);
  if (!whole || whole->count != 4 || whole->bits == 0)
    return hf::fail(fmt::format("\"{}\" is not an answer: write :127.0.0.4:text or :4:text",
                                hf::printable(text)));
  return whole->bits;
}

class Reader {
 public:
  Reader(Format format, RbldnsdContents& contents) : format_(format), contents_(contents) {
    default_value_ = intern(default_a_, default_text_);
  }

  hf::Result<void> read_line(std::string_view line);

 private:
  hf::Result<void> read_special(std::string_view keyword, std::string_view argument,
                                bool in_comment);
  hf::Result<void> read_max_range(std::string_view argument);
  hf::Result<void> read_default(std::string_view line);
  hf::Result<void> read_addresses(std::string_view line, bool excluded);
  hf::Result<void> read_name(std::string_view line, bool excluded);

  struct Pair {
    uint32_t a, text;
  };
  /// A value as written, with what is left out taken from the defaults.
  hf::Result<Pair> parse_value(std::string_view text);
  hf::Result<uint32_t> value_of(std::string_view rest, bool excluded);

  uint32_t intern(uint32_t a, uint32_t text);
  uint32_t intern_text(std::string_view text);
  void add_by_octets(const Block& block, uint32_t value);

  Format format_;
  RbldnsdContents& contents_;
  uint64_t largest_block_ = kAllAddresses;
  uint32_t default_a_ = kDefaultAnswer;
  uint32_t default_text_ = 0;
  uint32_t default_value_;
  std::unordered_map<std::string_view, uint32_t> text_numbers_;  // keys are parts of the file
  std::unordered_map<uint64_t, uint32_t> value_numbers_;
};

hf::Result<void> Reader::read_line(std::string_view line) {
  line = hf::trim(line);
  // rbldns, which these formats come from, sees a special line as a comment where it begins "#$".
  const bool in_comment = is_comment(line);
  const bool is_prefixed = in_comment || line.starts_with(':');
  if (const auto special = line.substr(is_prefixed && line.size() > 1); special.starts_with('$')) {
    const size_t end = std::min(special.find_first_of(" \t"), special.size());
    return read_special(special.substr(1, end - 1), hf::trim(special.substr(end)), in_comment);
  }
  if (line.empty() || in_comment) return {};
  if (line.starts_with(':')) return read_default(line);
  const bool excluded = line.starts_with('!');
  if (excluded) line = hf::trim(line.substr(1));
  return format_ == Format::kDnset ? read_name(line, excluded) : read_addresses(line, excluded);
}

hf::Result<void> Reader::read_special(std::string_view keyword, std::string_view argument,
                                      bool in_comment) {
  static constexpr std::string_view kOfNoUseHere[] = {"SOA", "NS", "TTL", "TIMESTAMP"};
  if (keyword.size() == 1 && std::string_view("0123456789=").find(keyword) != keyword.npos) {
    contents_.values.set_variable(keyword[0], argument);
    return {};
  }
  if (hf::equals_ignoring_case(keyword, "MAXRANGE4")) return read_max_range(argument);
  const bool is_known = std::ranges::any_of(kOfNoUseHere, [&](std::string_view known) {
    return hf::equals_ignoring_case(keyword, known);
  });
  if (is_known || in_comment) return {};
  if (hf::equals_ignoring_case(keyword, "DATASET"))
    return hf::fail("$DATASET is not supported: give each dataset a file and a list of its own");
  return hf::fail(fmt::format("${} is not known; a comment begins with #", hf::printable(keyword)));
}

hf::Result<void> Reader::read_max_range(std::string_view argument) {
  std::optional<int64_t> limit;
  if (argument.starts_with('/')) {
    if (const auto length = hf::parse_int(argument.substr(1), 1, 32))
      limit = static_cast<int64_t>(kAllAddresses >> *length);
  } else {
    limit = hf::parse_int(argument, 1, static_cast<int64_t>(kAllAddresses));
  }
  if (!limit)
    return hf::fail(
        fmt::format("\"{}\": $MAXRANGE4 takes a number of addresses such as 256, or a "
                    "length such as /24",
                    hf::printable(argument)));
  largest_block_ = std::min(largest_block_, static_cast<uint64_t>(*limit));
  return {};
}

hf::Result<void> Reader::read_default(std::string_view line) {
  // A new default line leaves nothing of the one before.
  default_a_ = kDefaultAnswer;
  default_text_ = 0;
  HF_TRY_ASSIGN(const Pair pair, parse_value(line));
  default_a_ = pair.a;
  default_text_ = pair.text;
  default_value_ = intern(default_a_, default_text_);
  return {};
}

hf::Result<void> Reader::read_addresses(std::string_view line, bool excluded) {
  const size_t end = std::min(line.find_first_of(" \t:#;"), line.size());
  HF_TRY_ASSIGN(const Block block, parse_block(line.substr(0, end), format_));
  if (uint64_t{block.last} - block.first >= largest_block_) return {};
  HF_TRY_ASSIGN(const uint32_t value, value_of(line.substr(end), excluded));
  ++contents_.entries;
  if (format_ == Format::kIp4Trie)
    contents_.ranges.push_back({block.first, block.last, value, block.length});
  else
    add_by_octets(block, value);
  return {};
}

hf::Result<void> Reader::read_name(std::string_view line, bool excluded) {
  const size_t end = std::min(line.find_first_of(" \t"), line.size());
  std::string_view name = line.substr(0, end);
  const bool with_parent = name.starts_with('.');
  const bool is_wildcard = with_parent || name.starts_with("*.");
  if (is_wildcard) name.remove_prefix(with_parent ? 1 : 2);
  if (name.ends_with('.')) name.remove_suffix(1);
  const bool is_valid = name.size() <= NameTable::kLongestName &&
                        std::ranges::all_of(hf::split(name, '.'), [](std::string_view label) {
                          return !label.empty() && label.size() <= kLongestLabel;
                        });
  if (!is_valid)
    return hf::fail(fmt::format("\"{}\" is not a domain name, optionally with . or *. before it",
                                hf::printable(line.substr(0, end))));
  HF_TRY_ASSIGN(const uint32_t value, value_of(line.substr(end), excluded));
  ++contents_.entries;
  const std::string lower = hf::to_lower(name);
  if (is_wildcard) contents_.names.add(lower, true, value);
  if (with_parent || !is_wildcard) contents_.names.add(lower, false, value);
  return {};
}

hf::Result<uint32_t> Reader::value_of(std::string_view rest, bool excluded) {
  if (excluded) return kExclusion;
  rest = hf::trim(rest);
  if (rest.empty() || is_comment(rest)) return default_value_;
  HF_TRY_ASSIGN(const Pair pair, parse_value(rest));
  return intern(pair.a, pair.text);
}

hf::Result<Reader::Pair> Reader::parse_value(std::string_view text) {
  if (!text.starts_with(':')) return Pair{default_a_, intern_text(text)};
  text.remove_prefix(1);
  const size_t colon = text.find(':');
  HF_TRY_ASSIGN(const uint32_t a, parse_answer(hf::trim(text.substr(0, colon))));
  if (colon == text.npos) return Pair{a, default_text_};
  return Pair{a, intern_text(hf::trim(text.substr(colon + 1)))};
}

uint32_t Reader::intern_text(std::string_view text) {
  if (text.empty()) return 0;
  const auto [place, is_new] = text_numbers_.try_emplace(text, 0);
  if (is_new) place->second = contents_.values.add_text(text);
  return place->second;
}

uint32_t Reader::intern(uint32_t a, uint32_t text) {
  const auto [place, is_new] = value_numbers_.try_emplace(uint64_t{a} << 32 | text, 0);
  if (is_new) place->second = contents_.values.add_value(a, text);
  return place->second;
}

// rbldnsd keeps an ip4set as four sets, of /32, /24, /16 and /8 blocks, and answers from the finest
// that has the address. So a range is cut at the borders of octets, from both ends to the middle.
void Reader::add_by_octets(const Block& block, uint32_t value) {
  uint64_t begin = block.first, end = uint64_t{block.last} + 1;
  const auto add = [&](uint64_t from, uint64_t to, int level) {
    if (from < to)
      contents_.ranges.push_back(
          {static_cast<uint32_t>(from), static_cast<uint32_t>(to - 1), value, level});
  };
  for (const int level : {32, 24, 16}) {
    const uint64_t coarser = uint64_t{1} << (40 - level);
    const uint64_t head_end = std::min(end, (begin + coarser - 1) / coarser * coarser);
    const uint64_t tail_begin = std::max(head_end, end / coarser * coarser);
    add(begin, head_end, level);
    add(tail_begin, end, level);
    begin = head_end;
    end = tail_begin;
  }
  add(begin, end, 8);
}

/// In an ip4trie the first of two lines about the same block counts.
void keep_first_of_each_block(std::vector<LevelledRange>& ranges) {
  const auto block = [](const LevelledRange& range) { return std::pair(range.first, range.level); };
  std::ranges::stable_sort(ranges, {}, block);
  const auto repeated = std::ranges::unique(ranges, {}, block);
  ranges.erase(repeated.begin(), repeated.end());
}

}  // namespace

hf::Result<RbldnsdContents> read_rbldnsd(std::string_view text, Format format,
                                         std::string_view file_name) {
  if (text.size() > kLargestFile)
    return hf::fail(fmt::format("{}: larger than the limit of {} bytes", file_name, kLargestFile));
  if (text.starts_with("\x1f\x8b"))
    return hf::fail(fmt::format("{}: compressed; unpack it with gunzip", file_name));
  RbldnsdContents contents;
  Reader reader(format, contents);
  for (size_t line_number = 1; !text.empty(); ++line_number) {
    auto line = reader.read_line(take_line(text));
    if (!line)
      return hf::fail(std::move(line).error().within(fmt::format("{}:{}", file_name, line_number)));
  }
  if (format == Format::kIp4Trie) keep_first_of_each_block(contents.ranges);
  contents.names.seal();
  contents.values.shrink();
  return contents;
}

}  // namespace smtpgate
