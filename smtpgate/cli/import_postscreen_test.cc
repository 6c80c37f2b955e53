// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/cli/import_postscreen.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <doctest/doctest.h>

#include "base/os/file.h"
#include "smtpgate/cli/import_access.h"
#include "smtpgate/cli/main_cf.h"
#include "smtpgate/lists/cidr_list.h"
#include "smtpgate/policy/config.h"

namespace smtpgate {
namespace {

/// A folder with a main.cf, gone at the end.
class Site {
 public:
  Site() {
    std::string name = (std::filesystem::temp_directory_path() / "import-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Site() { std::filesystem::remove_all(path_); }

  std::string write(const std::string& name, std::string_view content) const {
    const std::string path = path_ + "/" + name;
    REQUIRE(hf::write_file_atomically(path, content).has_value());
    return path;
  }
  PostscreenImport import(std::string_view main_cf) const {
    auto out = import_postscreen(write("main.cf", main_cf), "/etc/smtpgate");
    REQUIRE_MESSAGE(out.has_value(), (out ? "" : out.error().message));
    return std::move(*out);
  }

 private:
  std::string path_;
};

Config config_of(const PostscreenImport& import) {
  auto config = parse_config(import.toml, "out.toml");
  REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.error().message));
  return std::move(*config);
}

bool notes_say(const std::vector<std::string>& notes, std::string_view words) {
  return std::ranges::any_of(
      notes, [&](const std::string& note) { return note.find(words) != std::string::npos; });
}

constexpr std::string_view kMainCf = R"(# A usual mail exchanger.
compatibility_level = 3.6
myhostname = mx1.$mydomain
mydomain = example.org
queue_directory = /var/spool/postfix
mynetworks = 127.0.0.0/8, [::1]/128 192.0.2.0/28
    [2001:db8:1::]/48
smtpd_client_connection_count_limit = 30

postscreen_access_list = permit_mynetworks,
# whom we know
    cidr:$config_directory/access.cidr
    hash:/etc/postfix/access
postscreen_blacklist_action = drop
postscreen_greet_action = enforce
postscreen_greet_wait = ${stress?2}${stress:8}s
postscreen_greet_ttl = 14
postscreen_dnsbl_action = enforce
postscreen_dnsbl_threshold = 4
postscreen_dnsbl_whitelist_threshold = -2
postscreen_dnsbl_max_ttl = 2h
postscreen_dnsbl_sites =
    zen.spamhaus.org=127.0.0.[2..11]*4
    bl.spamcop.net*2, b.barracudacentral.org*3
    dnsbl.sorbs.net*1
    not..a..zone
    list.dnswl.org=127.0.[0..255].[1..3]*-2
postscreen_pre_queue_limit = 3000
postscreen_bare_newline_enable = yes
)";

constexpr std::string_view kAccess = R"(# the partner's good host stands before his bad network
198.51.100.7/32   permit
198.51.100.0/24   reject
198.51.100.9      permit
203.0.113.5/32    reject
203.0.113.0/24    PERMIT
2001:db8:2::/48   reject
192.0.2.99        dunno
)";

}  // namespace

TEST_CASE("a main.cf becomes a configuration with the same meaning") {
  const Site site;
  site.write("access.cidr", kAccess);
  const PostscreenImport import = site.import(kMainCf);
  const Config config = config_of(import);

  CHECK_FALSE(config.mode.enforce);
  CHECK(config.banner.name == "mx1.example.org");
  CHECK(config.banner.teaser);
  CHECK(config.banner.wait == Millis(8000));
  CHECK(config.banner.min_wait == Millis(2000));
  REQUIRE(config.backend.handoff.size() == 1);
  CHECK(config.backend.handoff[0].text == "postfix-pass:/var/spool/postfix/private/smtpd");
  CHECK(config.limits.per_ip == 30);
  CHECK(config.limits.waiting == 3000);
  CHECK(config.pregreet.action == TestAction::kRefuse);
  CHECK(config.pregreet.pass == std::chrono::hours(14 * 24));
  CHECK(config.dns.pass == std::chrono::hours(2));
  CHECK(config.score.block == 4);
  CHECK(config.score.grey == 3);
  CHECK(config.score.skip == -2);
  CHECK_FALSE(config.rdns.check);

  REQUIRE(config.lists.size() == 4);
  CHECK(config.lists[0].rule.zone == "zen.spamhaus.org");
  CHECK(config.lists[0].rule.weight == 4);
  CHECK(config.lists[0].trusted);  // it reaches the threshold alone
  CHECK(config.lists[2].rule.zone == "b.barracudacentral.org");
  CHECK_FALSE(config.lists[2].trusted);
  CHECK(config.lists[3].rule.weight == -2);
}

TEST_CASE("access lists become CIDR files that decide as Postfix did") {
  const Site site;
  site.write("access.cidr", kAccess);
  const PostscreenImport import = site.import(kMainCf);
  const auto allow = CidrList::parse(import.allow, "allow");
  const auto deny = CidrList::parse(import.deny, "deny");
  REQUIRE(allow.has_value());
  REQUIRE(deny.has_value());
  auto finds = [](const CidrList& list, const char* address) {
    return list.find(*hf::IpAddress::parse(address), 0) != nullptr;
  };
  for (const char* address :
       {"127.0.0.1", "::1", "192.0.2.3", "2001:db8:1::5", "198.51.100.7", "203.0.113.200"})
    CHECK(finds(*allow, address));
  CHECK_FALSE(finds(*allow, "198.51.100.9"));  // refused before it could be permitted
  CHECK_FALSE(finds(*allow, "192.0.2.99"));
  for (const char* address : {"198.51.100.8", "203.0.113.5", "2001:db8:2::1"})
    CHECK(finds(*deny, address));
  const Config config = config_of(import);
  CHECK(config.access.allow == std::vector<std::string>{"/etc/smtpgate/allow.cidr"});
  CHECK(config.access.deny == std::vector<std::string>{"/etc/smtpgate/deny.cidr"});
}

TEST_CASE("what is not carried over is said") {
  const Site site;
  site.write("access.cidr", kAccess);
  const auto notes = site.import(kMainCf).notes;
  CHECK(notes_say(notes, "\"hash:/etc/postfix/access\" is not carried over"));
  CHECK(notes_say(notes, "\"192.0.2.99 dunno\" is left out"));
  CHECK(notes_say(notes, "203.0.113.5/32 is refused by Postfix, but within 203.0.113.0/24"));
  CHECK(notes_say(notes, "\"dnsbl.sorbs.net*1\" is left out: dnsbl.sorbs.net was closed"));
  CHECK(notes_say(notes, "\"not..a..zone\" is left out"));
  CHECK(notes_say(notes, "postscreen_bare_newline_enable = yes is not carried over"));
  CHECK(notes_say(notes, "master.cf: keep the service"));
  CHECK(notes.size() == 7);
}

TEST_CASE("an empty main.cf gives postscreen's own defaults") {
  const Site site;
  const PostscreenImport import = site.import("");
  const Config config = config_of(import);
  CHECK(config.pregreet.action == TestAction::kIgnore);
  CHECK(config.pregreet.pass == std::chrono::hours(24));
  CHECK(config.banner.wait == Millis(6000));
  CHECK(config.limits.per_ip == 50);
  CHECK(config.score.block == 1);
  CHECK(config.score.skip == -1000);
  CHECK(config.dns.pass == std::chrono::hours(1));
  CHECK(config.lists.empty());
  CHECK(import.deny.empty());
  CHECK(import.notes.size() == 1);
}

TEST_CASE("values beyond our limits are cut and told") {
  const Site site;
  const PostscreenImport import = site.import(
      "postscreen_greet_wait = 10m\npostscreen_greet_banner =\npostscreen_dnsbl_threshold = lots\n"
      "inet_interfaces = 192.0.2.1\npostscreen_upstream_proxy_protocol = haproxy\n"
      "postscreen_access_list = cidr:/no/such/file\npostscreen_greet_ttl = ${a == b}\n");
  const Config config = config_of(import);
  CHECK(config.banner.wait == Millis(60'000));
  CHECK_FALSE(config.banner.teaser);
  CHECK(notes_say(import.notes, "postscreen_greet_wait = 10m is not a time from 1s to 1min"));
  CHECK(notes_say(import.notes, "postscreen_dnsbl_threshold = lots is not a number"));
  CHECK(notes_say(import.notes, "inet_interfaces = 192.0.2.1"));
  CHECK(notes_say(import.notes, "proxy_from"));
  CHECK(notes_say(import.notes, "cidr:/no/such/file is left out"));
  CHECK(notes_say(import.notes, "postscreen_greet_ttl: \"${a == b}\" is not evaluated"));
}

TEST_CASE("what cannot be imported is an error that names the file") {
  const auto missing = import_postscreen("/no/such/main.cf", "/etc/smtpgate");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().message.find("/no/such/main.cf") != std::string::npos);
  const Site site;
  const auto wrong = import_postscreen(site.write("main.cf", "postscreen_greet_action = perhaps\n"),
                                       "/etc/smtpgate");
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().message.find("main.cf as smtpgate.toml:") != std::string::npos);
  CHECK(wrong.error().message.find("[pregreet] action: expected") != std::string::npos);
}

TEST_CASE("variables of main.cf are replaced as postconf(5) says") {
  const MainCf main_cf = MainCf::parse(
      "a = 1\nb = $a${a}$(a)\nc = $$a$missing.\nd = ${a?set}${z?set}${z:unset}\n"
      "e = ${a?{yes $a}:{no}}-${z?{yes}:{no $a}}\na = 2\n"
      "loop = x$loop\nopen = ${a\nbomb0 = $bomb1$bomb1$bomb1$bomb1\nbomb1 = "
      "$bomb2$bomb2$bomb2$bomb2\n"
      "bomb2 = $bomb3$bomb3$bomb3$bomb3\nbomb3 = $bomb4$bomb4$bomb4$bomb4\n"
      "bomb4 = $bomb5$bomb5$bomb5$bomb5\nbomb5 = $bomb6$bomb6$bomb6$bomb6\nbomb6 = $a$a$a$a\n");
  CHECK(main_cf.value("b") == "222");
  CHECK(main_cf.value("c") == "$a.");
  CHECK(main_cf.value("d") == "setunset");
  CHECK(main_cf.value("e") == "yes 2-no 2");
  CHECK(main_cf.value("missing") == "");
  CHECK(main_cf.value("loop").error().message == "loop: its variables lead in a circle");
  CHECK(main_cf.value("open").error().message == "open: a bracket is not closed");
  CHECK(main_cf.value("bomb0").error().message == "bomb0: its variables make it too long");
}

TEST_CASE("lines of Postfix files are continued by blanks, and comments do not end them") {
  CHECK(postfix_lines("a = 1\n\n# note\n  2\n\t3 # kept\nb\n   # note\n") ==
        std::vector<std::string>{"a = 1 2 3 # kept", "b"});
  CHECK(postfix_lines("  a\r\n") == std::vector<std::string>{"a"});
}

TEST_CASE("networks are read in all of Postfix's spellings") {
  AccessImport access;
  access.read("PERMIT_MYNETWORKS",
              "[::ffff:127.0.0.0]/104,[2001:db8::]/32 192.0.2.7 !10.0.0.1 /etc/nets");
  CHECK(access.allow() ==
        "127.0.0.0/8  # mynetworks\n2001:db8::/32  # mynetworks\n192.0.2.7/32  # mynetworks\n");
  CHECK(access.deny().empty());
  CHECK(access.notes().size() == 2);
}

}  // namespace smtpgate
