// SPDX-License-Identifier: Apache-2.0
// The first line is the sender, each further line what the DNS says next, its first character how.
// Whatever that is, a check asks a bounded number of questions for proper names and then ends.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/core/result.h"
#include "smtpgate/spf/domain_name.h"
#include "smtpgate/spf/spf_check.h"

namespace {

/// Holds the one question that a check may have under way.
class OneQuestion final : public hf::Resolver {
 public:
  void ask(std::string_view name, hf::DnsType, Callback callback) override {
    HF_CHECK(!done, "a second question");
    HF_CHECK(name == ".." || smtpgate::is_domain_name(name), "a question for no name");
    ++asked;
    done = std::move(callback);
  }
  Callback done;
  int asked = 0;
};

std::string_view take_line(std::string_view& rest) {
  const std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  return line;
}

/// '!' is silence, '-' is no such name; a record's blank-separated words are a list of names, and
/// the client's address is among its addresses if the line begins with '+'.
hf::DnsReply reply_of(std::string_view line, const hf::IpAddress& client) {
  hf::DnsReply reply;
  if (line.empty() || line[0] == '-') {
    reply.status = hf::DnsStatus::kNoData;
  } else if (line[0] == '!') {
    reply.status = hf::DnsStatus::kTimeout;
  } else {
    reply.status = hf::DnsStatus::kAnswer;
    reply.addresses.push_back(line[0] == '+' ? client : hf::IpAddress::v4(1));
    const std::string_view text = line.substr(1);
    for (int copies = line[0] == '*' ? 11 : line[0] == '2' ? 2 : 1; copies > 0; --copies)
      reply.texts.emplace_back(text);
  }
  return reply;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smtpgate;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view sender = take_line(rest);
  const auto client =
      size % 2 == 0 ? hf::IpAddress::v4(0xc0000201) : hf::IpAddress::v6({0x20, 0x01, 0x0d, 0xb8});
  OneQuestion dns;
  int calls = 0;
  SpfCheck check(dns, client, std::string(sender), std::string(sender),
                 [&](const SpfOutcome&) { ++calls; });
  check.start();
  // When the lines are used up they begin again, so that circles are tried too.
  const std::string_view lines = rest;
  while (dns.done) {
    HF_CHECK(calls == 0, "a question after the outcome");
    if (rest.empty()) rest = lines;
    const auto done = std::exchange(dns.done, nullptr);
    done(reply_of(take_line(rest), client));
  }
  HF_CHECK(calls == 1, "not one outcome");
  HF_CHECK(dns.asked <= 1 + 11 + 10 * 11, "more questions than the limits allow");
  return 0;
}
