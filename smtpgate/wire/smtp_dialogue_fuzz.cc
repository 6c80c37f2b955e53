// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "base/core/result.h"
#include "smtpgate/wire/smtp_dialogue.h"

// Whatever a client sends: replies are whole lines, few enough, and a closed dialogue says 221 or
// 421 last.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using smtpgate::SmtpDialogue;
  SmtpDialogue dialogue({.name = "mx.test", .id = "id", .keywords = {"SIZE 1"}, .tls = true});
  smtpgate::SmtpLineReader reader;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  int lines = 0;
  while (auto line = reader.next(bytes)) {
    std::string out;
    const auto event = dialogue.take(*line, out);
    if (event == SmtpDialogue::Event::kRecipient) dialogue.defer({451, "4.7.1", "Later"}, out);
    if (event == SmtpDialogue::Event::kTls) dialogue.begin_again_in_tls();
    HF_CHECK(out.ends_with("\r\n") || event == SmtpDialogue::Event::kTls, "a reply is whole lines");
    const auto skip = dialogue.take_bytes_to_skip();
    bytes.remove_prefix(skip < bytes.size() ? static_cast<size_t>(skip) : bytes.size());
    if (event == SmtpDialogue::Event::kClosed) {
      HF_CHECK(out.starts_with("221 ") || out.starts_with("421 "), "only these close");
      return 0;
    }
    const bool recipient = line->verb == "RCPT";
    HF_CHECK(recipient || ++lines <= 20, "it ends");
  }
  return 0;
}
