// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/spf/provider_nets.h"

#include <cstdlib>
#include <filesystem>
#include <initializer_list>

#include <doctest/doctest.h>

#include "base/core/text.h"
#include "base/os/file.h"

using namespace smtpgate;

namespace {

using Networks = std::vector<hf::IpPrefix>;

Networks networks_of(std::initializer_list<const char*> texts) {
  Networks networks;
  for (const char* text : texts) networks.push_back(*hf::IpPrefix::parse(text));
  return networks;
}

/// Why `fresh` may not replace `old`; "" if it may.
std::string refusal(const Networks& old, const Networks& fresh) {
  const auto accepted = accept_refresh(old, fresh);
  return accepted ? "" : accepted.error().message;
}

const std::string kHeader = "# google, 2026-11-21T08:00:00Z\n";

std::string error_of(const std::string& text) {
  const auto nets = parse_provider_nets(text, "google.txt");
  return nets ? "none" : nets.error().message;
}

}  // namespace

TEST_CASE("disjoint networks are in order, each once, none within another") {
  CHECK(disjoint_networks(
            networks_of({"2001:db8::/32", "10.2.0.0/16", "10.1.0.0/16", "10.1.0.0/24",
                         "10.1.255.0/24", "10.1.0.0/16", "2001:db8:1::/48", "2001:db9::/32"})) ==
        networks_of({"10.1.0.0/16", "10.2.0.0/16", "2001:db8::/32", "2001:db9::/32"}));
  // IPv4 is in the midst of the order of addresses, and no IPv6 network contains it.
  CHECK(disjoint_networks(networks_of({"::/0", "10.0.0.0/8", "8000::/1"})) ==
        networks_of({"10.0.0.0/8", "::/0"}));
}

TEST_CASE("a first list may be any that is not empty and not too wide") {
  CHECK(refusal({}, networks_of({"10.0.0.0/12", "2001:db8::/32"})) == "");
  CHECK(refusal({}, {}) == "the list of networks is empty");
  CHECK(refusal({}, networks_of({"192.0.2.0/24", "10.0.0.0/11"})) ==
        "network 10.0.0.0/11 is wider than /12");
  CHECK(refusal({}, networks_of({"2001:da0::/31"})) == "network 2001:da0::/31 is wider than /32");
}

TEST_CASE("a fresh list may not shrink to less than half") {
  const Networks old = networks_of({"10.0.0.0/16", "10.1.0.0/16"});
  CHECK(refusal(old, networks_of({"10.0.0.0/16"})) == "");
  CHECK(refusal(old, networks_of({"10.0.0.0/15"})) == "");  // the same, put together
  CHECK(refusal(old, networks_of({"10.0.0.0/17"})) ==
        "the IPv4 networks shrank to 25 % of what they covered");
  CHECK(refusal(old, {}) == "the list of networks is empty");
  CHECK(refusal(networks_of({"10.0.0.0/16", "2001:db8::/48"}), networks_of({"10.0.0.0/16"})) ==
        "the IPv6 networks shrank to 0 % of what they covered");
}

TEST_CASE("a fresh list may not grow to more than five times") {
  const Networks old = networks_of({"10.0.0.0/24"});
  CHECK(refusal(old, networks_of({"10.0.0.0/22", "10.0.4.0/24"})) == "");
  CHECK(refusal(old, networks_of({"10.0.0.0/22", "10.0.4.0/23"})) ==
        "the IPv4 networks grew to 6.0 times of what they covered");
  // What is said twice is not twice as much.
  CHECK(refusal(old, networks_of({"10.0.0.0/22", "10.0.0.0/22", "10.0.1.0/24"})) == "");
  CHECK(refusal(old, networks_of({"10.0.0.0/24", "2001:db8::/32"})) == "");  // a new family
  CHECK(refusal(networks_of({"2001:db8::/48"}), networks_of({"2001:db8::/45"})) ==
        "the IPv6 networks grew to 8.0 times of what they covered");
}

TEST_CASE("what is written is read back") {
  const ProviderNets nets{"mail, inc. #1", *hf::parse_utc("2026-11-21T08:00:00Z"),
                          networks_of({"192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"})};
  CHECK(format_provider_nets(nets) ==
        "# mail, inc. #1, 2026-11-21T08:00:00Z\n192.0.2.0/24\n198.51.100.7/32\n2001:db8::/32\n");
  const auto again = parse_provider_nets(format_provider_nets(nets), "x");
  REQUIRE(again);
  CHECK(again->provider == nets.provider);
  CHECK(again->fetched == nets.fetched);
  CHECK(again->networks == nets.networks);
}

TEST_CASE("a damaged file is an error that names the place and the remedy") {
  CHECK(error_of(kHeader + "192.0.2.0/24\n") == "none");
  for (const std::string first :
       {"", "192.0.2.0/24", "# google", "# google, yesterday", "# , 2026-11-21T08:00:00Z",
        "#  , 2026-11-21T08:00:00Z", "#google, 2026-11-21T08:00:00Z"})
    CHECK(error_of(first + "\n192.0.2.0/24\n") ==
          "google.txt:1: \"" + first +
              "\" is not a first line such as \"# provider, 2026-11-21T08:00:00Z\"; remove the "
              "file to have it fetched again");
  CHECK(error_of(kHeader + "192.0.2.0/24\n198.51.100.0/2") ==
        "google.txt: the last line has no end; remove the file to have it fetched again");
  CHECK(error_of(kHeader + "192.0.2.0/24\n198.51.\n").starts_with("google.txt:3: \"198.51.\" is"));
  CHECK(error_of(kHeader + std::string("\0\0\0\n", 4)).starts_with("google.txt:2: "));
  CHECK(error_of(kHeader) == "google.txt: the list of networks is empty");
  CHECK(error_of(kHeader + "128.0.0.0/1\n") == "google.txt: network 128.0.0.0/1 is wider than /12");
}

TEST_CASE("files") {
  std::string folder = std::filesystem::temp_directory_path() / "provider_XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string path = folder + "/google.txt";
  const auto absent = load_provider_nets(path);
  REQUIRE(!absent);
  CHECK(absent.error().sys == ENOENT);

  REQUIRE(save_provider_nets(path, {"google", 1'795'000'000, networks_of({"192.0.2.0/24"})}));
  const auto loaded = load_provider_nets(path);
  REQUIRE(loaded);
  CHECK(loaded->provider == "google");
  CHECK(loaded->networks == networks_of({"192.0.2.0/24"}));

  const auto nowhere = save_provider_nets(folder + "/none/google.txt", *loaded);
  REQUIRE(!nowhere);
  CHECK(nowhere.error().message.starts_with(folder));
  std::filesystem::remove_all(folder);
}

TEST_CASE("which provider an address belongs to") {
  const ProviderNets providers[] = {
      {"wide # co", 0, networks_of({"192.0.0.0/16", "2001:db8::/32"})},
      {"narrow", 0, networks_of({"192.0.2.0/24"})},
  };
  const ProviderTable table(providers);
  const auto find = [&](const char* ip) { return table.find(*hf::IpAddress::parse(ip)); };
  CHECK(find("192.0.1.1") == "wide # co");
  CHECK(find("192.0.2.1") == "narrow");
  CHECK(find("::ffff:192.0.2.1") == "narrow");
  CHECK(find("2001:db8::1") == "wide # co");
  CHECK(find("198.51.100.1") == "");
  CHECK(ProviderTable().find(*hf::IpAddress::parse("192.0.2.1")) == "");
}
