// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/policy/config.h"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

#include "base/os/file.h"

namespace smtpgate {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kBackend = "[backend]\nhandoff = \"plain:127.0.0.1:2525\"\n";

/// Every key, none with its default, as dump_config() writes them.
constexpr std::string_view kEveryKey = R"([listen]
addresses = ["0.0.0.0:25", "[::]:25"]
workers = 3
proxy_from = ["10.0.0.0/8", "2001:db8::1/128"]
proxy_timeout = "3s"

[backend]
handoff = ["postfix-pass:/var/spool/postfix/private/smtpd", "xclient:[::1]:2525"]
stranger_slots = 7
connect_timeout = "1500ms"
pickup_timeout = "50s"
idle_timeout = "20min"
probe_interval = "30s"

[banner]
name = "mx1.example.org"
teaser = false
wait = "5s"
min_wait = "1s"
stress_wait = "800ms"

[mode]
default = "enforce"

[access]
allow = ["/etc/smtpgate/allow.cidr"]
deny = ["/etc/smtpgate/deny.cidr", "/etc/smtpgate/more.cidr"]
soft = true

[limits]
per_ip = 21
per_net24 = 101
per_net64 = 22
rate_ip = "5/s"
waiting = 1000
command_timeout = "4min"
refuse_timeout = "20s"

[score]
block = 9
grey = 4
skip = -5

[pregreet]
action = "drop"
soft = true
pass = "12h"

[rdns]
check = false
missing = 3
unconfirmed = 2

[dns]
servers = ["127.0.0.1:53", "[::1]:5353"]
timeout = "2s"
pass = "2h"
cache = 100

[grey]
only = "all"
scope = ["ptr", "net"]
min = "2min"
window = "12h"
keep = "10d"
max = 5000
providers = ["example.com", "mail.example.org"]
session_timeout = "5min"
fallback = "defer"

[tls]
cert = ["/etc/smtpgate/ec.pem", "/etc/smtpgate/rsa.pem"]
key = ["/etc/smtpgate/ec.key", "/etc/smtpgate/rsa.key"]
handshakes = "20/s"

[history]
path = "/srv/smtpgate"
max = 1000
keep_failed = "3d"
keep_passed = "14d"

[metrics]
listen = ["127.0.0.1:9725"]

[log]
file = "/var/log/smtpgate.log"
level = "debug"

[run]
drain = "10s"

[reply]
url = "https://example.org/why?id={id}"

[[dnsbl]]
zone = "ix.dnsbl.manitu.net=127.0.0.[2..11]"
weight = 8
name = "nix"
budget = "250000/day"
trusted = true
ipv6 = true
soft = true
url = "https://example.org/{ip}"
dead_ok = true

[[dnsbl]]
file = "/var/lib/rbl/drop.data"
format = "ip4trie"
filter = "127.0.0.2"
weight = -2
name = "drop"
budget = "0/s"
trusted = false
ipv6 = false
soft = false
dead_ok = false
)";

Config parsed(std::string_view text) {
  auto config = parse_config(text, "t.toml");
  REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.error().message));
  return std::move(*config);
}

Config with_backend(std::string_view text) {
  return parsed(std::string(kBackend) + std::string(text));
}

/// The error of `text` below a valid [backend] of two lines.
std::string refusal(std::string_view text) {
  auto config = parse_config(std::string(kBackend) + std::string(text), "t.toml");
  REQUIRE_FALSE(config.has_value());
  return config.error().message;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  auto lines = hf::split(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

/// "[limits] per_ip" for each key of the table, taken from what the program says of itself.
std::vector<std::pair<std::string, std::string>> every_key() {
  const std::string text = explain_config();
  std::vector<std::pair<std::string, std::string>> keys;
  for (const std::string_view line : lines_of(text)) {
    const auto words = hf::split_blanks(line);
    keys.emplace_back(words[0], words[1]);
  }
  return keys;
}

bool has_line(std::string_view text, const auto& fits) {
  return std::ranges::any_of(lines_of(text), fits);
}

}  // namespace

TEST_CASE("the smallest file is a backend, and all else has a default") {
  const Config config = parsed(kBackend);
  REQUIRE(config.backend.handoff.size() == 1);
  CHECK(config.backend.handoff[0].kind == BackendUri::Kind::kPlain);
  CHECK_FALSE(config.mode.enforce);
  CHECK(config.banner.wait == 6s);
  CHECK_FALSE(config.banner.name.empty());
  CHECK(config.lists.empty());
}

TEST_CASE("every key is read, and dumped so that it reads back") {
  const Config config = parsed(kEveryKey);
  CHECK(dump_config(config) == kEveryKey);

  CHECK(config.listen.addresses[1].to_string() == "[::]:25");
  CHECK(config.listen.proxy_from[0].to_string() == "10.0.0.0/8");
  CHECK(config.backend.handoff[0].path == "/var/spool/postfix/private/smtpd");
  CHECK(config.backend.connect_timeout == 1500ms);
  CHECK(config.mode.enforce);
  CHECK(config.limits.rate_ip == hf::Rate{5, 1s});
  CHECK(config.pregreet.action == TestAction::kDrop);
  CHECK(config.pregreet.pass == 12h);
  CHECK(config.history.keep_passed == 336h);
  REQUIRE(config.lists.size() == 2);
  CHECK(config.lists[0].rule.zone == "ix.dnsbl.manitu.net");
  CHECK(config.lists[0].rule.filter.matches(*hf::IpAddress::parse("127.0.0.11")));
  CHECK_FALSE(config.lists[0].rule.filter.matches(*hf::IpAddress::parse("127.0.0.12")));
  CHECK(config.lists[0].rule.weight == 8);
  CHECK(config.lists[1].format == RbldnsdZone::Format::kIp4Trie);
  CHECK_FALSE(config.lists[1].rule.filter.matches(*hf::IpAddress::parse("127.0.0.3")));
}

TEST_CASE("the sample above has every key of the table, none with its default") {
  const std::string defaults = dump_config(parsed(kBackend));
  for (const auto& [section, key] : every_key()) {
    const std::string assignment = key + " = ";
    CAPTURE(section);
    CAPTURE(key);
    CHECK(has_line(kEveryKey, [&](auto line) { return line.starts_with(assignment); }));
  }
  for (const std::string_view line : lines_of(kEveryKey.substr(0, kEveryKey.find("[[dnsbl]]"))))
    if (line.find(" = ") != line.npos)
      CHECK_FALSE(has_line(defaults, [&](auto l) { return l == line; }));
}

TEST_CASE("the defaults, dumped, read back as the defaults") {
  const std::string defaults = dump_config(parsed(kBackend));
  CHECK(dump_config(parsed(defaults)) == defaults);
}

TEST_CASE("one value may stand for a list of one, and a number for seconds") {
  const Config config = with_backend(
      "[listen]\naddresses = \"[::]:25\"\n[dns]\nservers = \"127.0.0.1\"\n[banner]\nwait = "
      "3\nmin_wait = 0.5\n");
  CHECK(config.listen.addresses.size() == 1);
  CHECK(config.dns.servers[0].to_string() == "127.0.0.1:53");
  CHECK(config.banner.wait == 3s);
  CHECK(config.banner.min_wait == 500ms);
}

TEST_CASE("a list's defaults follow from what it is") {
  const Config config = with_backend(
      "[[dnsbl]]\nzone = \"Zen.Example=127.0.0.[2..11]*8\"\n"
      "[[dnsbl]]\nfile = \"/var/lib/rbl/drop.ip4trie\"\n"
      "[[dnsbl]]\nzone = \"b.example*3\"\nweight = 5\n");
  REQUIRE(config.lists.size() == 3);
  CHECK(config.lists[0].name == "zen.example");
  CHECK(config.lists[0].rule.weight == 8);
  CHECK_FALSE(config.lists[0].trusted);
  CHECK(config.lists[1].name == "drop.ip4trie");
  CHECK(config.lists[1].format == RbldnsdZone::Format::kIp4Trie);
  CHECK(config.lists[1].trusted);
  CHECK(config.lists[2].rule.weight == 5);
}

TEST_CASE("an error names file, line, key and remedy") {
  CHECK(refusal("[limits]\nper_ipp = 3\n") ==
        "t.toml:4: unknown key \"per_ipp\" in [limits] (did you mean \"per_ip\"?)");
  CHECK(refusal("[limit]\n") == "t.toml:3: unknown section \"limit\" (did you mean \"limits\"?)");
  CHECK(refusal("[peers]\nbind = \"x\"\n").starts_with("t.toml:3: unknown section \"peers\""));
  CHECK(refusal("[grey]\nmin = \"1h\"\nwindow = \"1h\"\n") ==
        "t.toml:4: [grey] min (1h) must be shorter than window (1h)");
  CHECK(refusal("[tls]\ncert = \"/a.pem\"\n") ==
        "t.toml:4: [tls] cert names 1 files and key 0: each certificate needs its key");
  CHECK(refusal("[limits]\nper_ip = \"many\"\n") ==
        "t.toml:4: [limits] per_ip: expected integer from 0 to 1000000, not \"many\"");
  CHECK(refusal("[limits]\nper_ip = -1\n") ==
        "t.toml:4: [limits] per_ip: expected integer from 0 to 1000000, not -1");
  CHECK(refusal("[banner]\nwait = \"2min\"\n") ==
        "t.toml:4: [banner] wait: expected duration from 0s to 1min, not \"2min\"");
  CHECK(refusal("[banner]\nname = \"mx\\r\\n250 ok\"\n") ==
        "t.toml:4: [banner] name: expected host name, not \"mx\\x0d\\x0a250 ok\"");
  CHECK(refusal("[mode]\ndefault = \"off\"\n") ==
        "t.toml:4: [mode] default: expected \"observe\" or \"enforce\", not \"off\"");
  CHECK(refusal("[listen]\naddresses = [\"25\"]\n")
            .starts_with("t.toml:4: [listen] addresses: \"25\" is not an address"));
  CHECK(refusal("[metrics]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n") ==
        "t.toml:4: [metrics] listen: expected at most 1 items, not 2");
  CHECK(parse_config("limits = 3\n", "t.toml").error().message ==
        "t.toml:1: \"limits\" is a section: write its keys below a line [limits]");
  CHECK(refusal("[dnsbl]\nzone = \"a.example\"\n") ==
        "t.toml:3: lists stand in double brackets: [[dnsbl]]");
}

TEST_CASE("keys that contradict each other are refused at the line that says so") {
  CHECK(refusal("[banner]\n\nmin_wait = \"9s\"\n") ==
        "t.toml:5: [banner] min_wait (9s) is longer than wait (6s)");
  CHECK(refusal("[score]\nblock = 2\n") ==
        "t.toml:4: [score] skip (-4) must be less than grey (3), and grey no more than block (2)");
  CHECK(refusal("[score]\nskip = 3\n").starts_with("t.toml:4: [score] skip (3)"));
  CHECK(parse_config("", "t.toml")
            .error()
            .message.starts_with("t.toml: [backend] handoff is missing: name your mail server"));
  CHECK(parse_config("\n[backend]\nhandoff = []\n", "t.toml")
            .error()
            .message.starts_with("t.toml:3: [backend] handoff is missing"));
}

TEST_CASE("a list must be one thing with a plain name") {
  CHECK(refusal("[[dnsbl]]\nweight = 3\n") ==
        "t.toml:3: [dnsbl] a list has either a zone to ask or a file to read: write one of them");
  CHECK(refusal("[[dnsbl]]\nzone = \"a.example\"\nfile = \"/x.ip4set\"\n")
            .starts_with("t.toml:3: [dnsbl] a list has either"));
  CHECK(refusal("[[dnsbl]]\nfile = \"/var/my,list.ip4set\"\n")
            .starts_with("t.toml:3: [dnsbl] name: \"my,list.ip4set\" has other characters"));
  CHECK(refusal("[[dnsbl]]\nzone = \"a.example=127.0.0.[\"\n")
            .starts_with("t.toml:4: [dnsbl] zone: "));
  CHECK(refusal("[[dnsbl]]\nfile = \"/var/lib/rbl/drop\"\n").starts_with("t.toml:3: [dnsbl] "));
}

TEST_CASE("a list that is known to be closed is refused unless that is meant") {
  const std::string zone = "[[dnsbl]]\nzone = \"spam.dnsbl.sorbs.net=127.0.0.6*3\"\n";
  CHECK(refusal(zone).starts_with(
      "t.toml:3: [dnsbl] spam.dnsbl.sorbs.net was closed by its operator"));
  CHECK(with_backend(zone + "dead_ok = true\n").lists.size() == 1);
  CHECK(with_backend("[[dnsbl]]\nzone = \"notdnsbl.sorbs.net\"\n").lists.size() == 1);
}

TEST_CASE("what is legal but hardly meant is warned of") {
  const std::string listen = "[listen]\naddresses = [\"0.0.0.0:25\"]\n";
  const std::string pass =
      "[backend]\nhandoff = [\"postfix-pass:/run/pass\", \"proxy-v2:127.0.0.1:2525\"]\n";
  const std::string pass_alone = "[backend]\nhandoff = \"postfix-pass:/run/pass\"\n";
  auto warning = [&](std::string_view text) {
    const auto all = config_warnings(parsed(text));
    REQUIRE(all.size() == 1);
    return all[0];
  };
  CHECK(config_warnings(parsed(listen + pass)).empty());
  CHECK(warning(listen + pass_alone).find("handed over at once") != std::string::npos);
  CHECK(config_warnings(parsed(listen + pass_alone + "[grey]\nonly = \"none\"\n")).empty());
  CHECK(warning(pass).starts_with("[listen] addresses is empty"));
  CHECK(warning(listen + std::string(kBackend)).find("plain:127.0.0.1:2525") != std::string::npos);
  const std::string submission = "[listen]\naddresses = [\"0.0.0.0:587\"]\n" + pass;
  CHECK(config_warnings(parsed(submission)).empty());
  CHECK(warning(submission + "[[dnsbl]]\nzone = \"a.example\"\n").find("port 587") !=
        std::string::npos);
  CHECK(warning(listen + pass + "[[dnsbl]]\nzone = \"a.example*8\"\n").find("trusted = true") !=
        std::string::npos);
  CHECK(warning(listen + pass + "[[dnsbl]]\nzone = \"k3y.zen.dq.spamhaus.net\"\n").find("k3y") ==
        std::string::npos);
}

TEST_CASE("what a reload cannot change is named") {
  const Config old = parsed(kEveryKey);
  Config fresh = old;
  CHECK(restart_only_changes(old, fresh).empty());
  fresh.limits.per_ip = 5;
  fresh.lists.clear();
  fresh.backend.handoff.pop_back();
  CHECK(restart_only_changes(old, fresh).empty());

  fresh.backend.handoff[0].path = "/elsewhere";
  fresh.listen.addresses.pop_back();
  fresh.listen.workers = 1;
  fresh.dns.servers.clear();
  fresh.dns.timeout = 1s;
  fresh.history.path = "/elsewhere";
  fresh.history.max = 7;
  fresh.metrics.listen.clear();
  fresh.log.file.clear();
  fresh.log.level = "error";
  CHECK(restart_only_changes(old, fresh) ==
        std::vector<std::string>{"[listen] addresses", "[listen] workers", "[backend] handoff",
                                 "[dns] servers", "[dns] timeout", "[history] path",
                                 "[history] max", "[metrics] listen", "[log] file", "[log] level"});
}

TEST_CASE("a backend is a kind and a place") {
  const auto pass = BackendUri::parse("postfix-pass:/var/spool/postfix/private/smtpd");
  REQUIRE(pass.has_value());
  CHECK(pass->kind == BackendUri::Kind::kPostfixPass);
  CHECK(name_of(pass->kind) == "postfix-pass");
  const auto local = BackendUri::parse("proxy-v2:localhost:2525");
  REQUIRE(local.has_value());
  CHECK(local->endpoint.to_string() == "127.0.0.1:2525");
  CHECK(local->path.empty());
  CHECK(local->text == "proxy-v2:localhost:2525");
  CHECK(BackendUri::parse("proxy-v1:[2001:db8::1]:25")->endpoint.port == 25);
  CHECK(BackendUri::parse("plain:/run/mta.sock")->path == "/run/mta.sock");
  for (const char* bad : {"", "plain", "plain:", "smtp:127.0.0.1:25", "postfix-pass:127.0.0.1:25",
                          "postfix-pass:smtpd", "xclient:mail.example:25", "plain:127.0.0.1:0"})
    CHECK_FALSE(BackendUri::parse(bad).has_value());
  CHECK_FALSE(BackendUri::parse("plain:/" + std::string(107, 'x')).has_value());
}

TEST_CASE("keys are explained with type, limits and default") {
  CHECK(explain_config("per_ip") ==
        "[limits] per_ip (integer from 0 to 1000000, default 20): connections at once from one "
        "address; 0: no limit\n");
  CHECK(explain_config("limits.per_ip") == explain_config("per_ip"));
  CHECK(lines_of(explain_config("score")).size() == 3);
  CHECK(explain_config("budget").starts_with("[[dnsbl]] budget (rate such as"));
  CHECK(explain_config("no_such_key").empty());
}

TEST_CASE("the man page and the example have every key") {
  const auto manual = hf::read_file("smtpgate/smtpgate.8.scd");
  const auto example = hf::read_file("smtpgate/smtpgate.toml.example");
  REQUIRE(manual.has_value());
  REQUIRE(example.has_value());
  std::string_view man_section, example_section;
  std::set<std::pair<std::string, std::string>> in_manual, in_example;
  for (std::string_view line : lines_of(*manual)) {
    if (line.starts_with("## [")) man_section = line.substr(3);
    if (line.starts_with("*") && !man_section.empty())
      in_manual.emplace(man_section, line.substr(1, line.find('*', 1) - 1));
  }
  for (std::string_view line : lines_of(*example)) {
    if (line.starts_with("#")) line.remove_prefix(1);
    if (line.starts_with("[")) example_section = line;
    if (const size_t equals = line.find(" = "); equals != line.npos && line.find(' ') == equals)
      in_example.emplace(example_section, line.substr(0, equals));
  }
  for (const auto& [section, key] : every_key()) {
    CAPTURE(section);
    CAPTURE(key);
    CHECK(in_example.contains({section, key}));
    CHECK(in_manual.contains({section, key}));
  }
  CHECK(in_example.size() == every_key().size());
}

TEST_CASE("the example is a valid file without anything unusual") {
  const auto config = load_config("smtpgate/smtpgate.toml.example");
  REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.error().message));
  CHECK(config_warnings(*config).empty());
}

}  // namespace smtpgate
