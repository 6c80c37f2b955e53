// SPDX-License-Identifier: Apache-2.0
// What RbldnsdZone says, for comparison with a real rbldnsd:
//   rbldnsd_lookup FORMAT FILE < subjects
// prints for each address or name a line "subject<TAB>answer,answer<TAB>text", with "-" as the
// answers of one that is not listed.
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

#include "smtpgate/lists/rbldnsd_zone.h"

using smtpgate::RbldnsdZone;

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: rbldnsd_lookup ip4set|ip4trie|dnset FILE < subjects\n");
    return 2;
  }
  const auto format = RbldnsdZone::format_of(argv[1], argv[2]);
  if (!format) {
    std::fprintf(stderr, "rbldnsd_lookup: %s\n", format.error().message.c_str());
    return 2;
  }
  const auto zone = RbldnsdZone::load(argv[2], *format);
  if (!zone) {
    std::fprintf(stderr, "rbldnsd_lookup: %s\n", zone.error().message.c_str());
    return 1;
  }
  for (std::string subject; std::getline(std::cin, subject);) {
    std::optional<RbldnsdZone::Listing> listing;
    if (*format == RbldnsdZone::Format::kDnset)
      listing = zone->find_name(subject);
    else if (const auto address = hf::IpAddress::parse(subject))
      listing = zone->find(*address);
    std::string answers;
    if (listing)
      for (const auto& answer : listing->answers)
        answers += (answers.empty() ? "" : ",") + answer.to_string();
    std::cout << subject << '\t' << (listing ? answers : "-") << '\t'
              << (listing ? listing->text : "") << '\n';
  }
}
