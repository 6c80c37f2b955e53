// SPDX-License-Identifier: Apache-2.0
// The first line is what the sender chooses, the rest is the record. A record that is read must
// expand to names within bounds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/result.h"
#include "smtpgate/spf/domain_name.h"
#include "smtpgate/spf/spf_macro.h"
#include "smtpgate/spf/spf_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace smtpgate;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view sender = input.substr(0, input.find('\n'));
  const std::string_view text = input.substr(std::min(sender.size() + 1, input.size()));
  if (!is_spf_record(text)) return 0;
  const auto record = parse_spf_record(text);
  if (!record) {
    HF_CHECK(!record.error().message.empty(), "an error says nothing");
    return 0;
  }
  const SpfMacroValues values{sender,           "sender.example",
                              "domain.example", sender,
                              "unknown",        hf::IpAddress::v4(static_cast<uint32_t>(size))};
  const auto expand = [&](std::string_view spec) {
    if (spec.empty()) return;
    const std::string name = expand_domain_spec(spec, values);
    // Labels are cut off at the left, so only a name of one label can be too long.
    HF_CHECK(name.size() <= kMaxDomainOctets || name.find('.', name.size() - 254) == name.npos,
             "a name that could be cut is too long");
    const bool has_p = spec.find("{p") != spec.npos || spec.find("{P") != spec.npos;
    HF_CHECK(!uses_validated_name(spec) || has_p, "the client's name out of nowhere");
  };
  for (const SpfMechanism& mechanism : record->mechanisms) {
    expand(mechanism.domain);
    HF_CHECK(mechanism.v4_length >= 0 && mechanism.v4_length <= 32 && mechanism.v6_length >= 0 &&
                 mechanism.v6_length <= 128,
             "a prefix length out of range");
  }
  expand(record->redirect);
  return 0;
}
