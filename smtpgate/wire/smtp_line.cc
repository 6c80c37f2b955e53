// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/wire/smtp_line.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/core/text.h"

namespace smtpgate {
namespace {

constexpr size_t kCommandLimit = 512;      // octets with CRLF, RFC 5321 §4.5.3.1.4
constexpr size_t kMemoryLimit = 2048;      // octets of one command that are kept
constexpr size_t kReplyLimit = 64 * 1024;  // octets of one reply

SmtpLine split_command(std::string_view line) {
  line = hf::trim(line);
  const size_t blank = std::min(line.find_first_of(" \t"), line.size());
  SmtpLine out{.raw = {},
               .verb = std::string(line.substr(0, blank)),
               .argument = std::string(hf::trim(line.substr(blank)))};
  for (char& c : out.verb)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

/// The code that begins a reply line, or 0. RFC 5321 §4.2: the first digit is 2 to 5, the second
/// 0 to 5.
int reply_code(std::string_view line) {
  if (line.size() < 3 || line[0] < '2' || line[0] > '5' || line[1] < '0' || line[1] > '5' ||
      line[2] < '0' || line[2] > '9')
    return 0;
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

}  // namespace

std::optional<SmtpLine> SmtpLineReader::next(std::string_view& bytes) {
  const size_t lf = bytes.find('\n');
  const std::string_view part = bytes.substr(0, lf);
  bytes.remove_prefix(lf == bytes.npos ? bytes.size() : lf + 1);
  kept_.append(part.substr(0, kMemoryLimit - kept_.size()));
  length_ += part.size();
  if (!part.empty()) ends_in_cr_ = part.back() == '\r';
  if (lf == bytes.npos) return std::nullopt;

  if (ends_in_cr_ && kept_.size() == length_) kept_.pop_back();
  SmtpLine line = split_command(kept_);
  line.bare_lf = !ends_in_cr_;
  line.too_long = length_ + 1 > kCommandLimit;
  line.cut = kept_.size() == kMemoryLimit;
  line.raw = std::move(kept_);
  kept_.clear();
  length_ = 0;
  ends_in_cr_ = false;
  return line;
}

hf::Result<size_t> SmtpReplyReader::feed(std::string_view bytes) {
  size_t taken = 0;
  while (!complete_ && taken < bytes.size()) {
    const size_t lf = bytes.find('\n', taken);
    const std::string_view part =
        bytes.substr(taken, lf == bytes.npos ? bytes.npos : lf + 1 - taken);
    if (raw_.size() + part.size() > kReplyLimit)
      return hf::fail(fmt::format("an SMTP reply of more than {} bytes", kReplyLimit));
    raw_ += part;
    taken += part.size();
    if (lf != bytes.npos) HF_TRY(end_line());
  }
  return taken;
}

hf::Result<void> SmtpReplyReader::end_line() {
  std::string_view line = std::string_view(raw_).substr(line_at_);
  auto refuse = [line](std::string_view why) {
    return hf::fail(fmt::format("no SMTP reply ({}): \"{}\"", why, hf::printable(line)));
  };
  if (!line.ends_with("\r\n")) return refuse("the line ends in LF without CR");
  line.remove_suffix(2);
  const int code = reply_code(line);
  const char separator = line.size() > 3 ? line[3] : ' ';
  if (code == 0 || (separator != ' ' && separator != '-'))
    return refuse("a line must begin like \"250 \" or \"250-\"");
  if (line_at_ != 0 && code != code_) return refuse("the code changed between lines");
  code_ = code;
  text_at_ = line_at_ + std::min<size_t>(line.size(), 4);
  text_size_ = line.size() - std::min<size_t>(line.size(), 4);
  line_at_ = raw_.size();
  complete_ = separator == ' ';
  return {};
}

}  // namespace smtpgate
