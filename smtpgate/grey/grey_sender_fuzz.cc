// SPDX-License-Identifier: Apache-2.0
// Any bytes as an envelope address: the form is stable, and never longer than what it is made from.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/result.h"
#include "smtpgate/grey/sender.h"

using namespace smtpgate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string sender = normalise_sender(bytes);
  HF_CHECK(!sender.empty(), "a sender without a form");
  HF_CHECK(sender.size() <= std::max<size_t>(bytes.size(), 2), "a sender grew");
  HF_CHECK(normalise_sender(sender) == sender, "a sender's form is not its own");
  const std::string recipient = normalise_recipient(bytes);
  HF_CHECK(recipient.size() <= bytes.size(), "a recipient grew");
  HF_CHECK(normalise_recipient(recipient) == recipient, "a recipient's form is not its own");
  return 0;
}
