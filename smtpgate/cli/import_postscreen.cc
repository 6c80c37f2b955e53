// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/cli/import_postscreen.h"

#include <algorithm>
#include <chrono>
#include <set>

#include <fmt/format.h>

#include "base/core/text.h"
#include "base/os/file.h"
#include "base/ui/config.h"
#include "smtpgate/cli/import_access.h"
#include "smtpgate/cli/main_cf.h"
#include "smtpgate/policy/config.h"
#include "smtpgate/policy/config_check.h"

namespace smtpgate {
namespace {

using std::chrono::milliseconds;

constexpr size_t kMaxMainCf = 4 << 20;

/// Postfix's own values of the parameters that are read, from postconf(5).
constexpr std::pair<const char*, const char*> kDefaults[] = {
    {"queue_directory", "/var/spool/postfix"},
    {"mynetworks", "127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128"},
    {"mydomain", "localdomain"},
    {"mail_name", "Postfix"},
    {"smtpd_banner", "$myhostname ESMTP $mail_name"},
    {"smtpd_client_connection_count_limit", "50"},
    {"inet_interfaces", "all"},
    {"postscreen_access_list", "permit_mynetworks"},
    {"postscreen_denylist_action", "$postscreen_blacklist_action"},
    {"postscreen_blacklist_action", "ignore"},
    {"postscreen_client_connection_count_limit", "$smtpd_client_connection_count_limit"},
    {"postscreen_dnsbl_action", "ignore"},
    {"postscreen_dnsbl_threshold", "1"},
    {"postscreen_dnsbl_allowlist_threshold", "$postscreen_dnsbl_whitelist_threshold"},
    {"postscreen_dnsbl_whitelist_threshold", "0"},
    {"postscreen_dnsbl_max_ttl", "${postscreen_dnsbl_ttl?{$postscreen_dnsbl_ttl}:{1}}h"},
    {"postscreen_greet_action", "ignore"},
    {"postscreen_greet_banner", "$smtpd_banner"},
    {"postscreen_greet_ttl", "1d"},
    {"postscreen_greet_wait", "${stress?{2}:{6}}s"},
    {"postscreen_upstream_proxy_protocol", ""},
};

hf::Result<ListConfig> read_site(std::string_view site) {
  ListConfig list;
  HF_TRY_ASSIGN(list.rule, parse_list_rule(site));
  list.name = list.rule.zone;
  HF_TRY(check_list(list));
  return list;
}

/// Reads main.cf, remembers which parameters were looked at, and writes the configuration.
class Importer {
 public:
  Importer(MainCf main_cf, std::string folder)
      : main_cf_(std::move(main_cf)), folder_(std::move(folder)) {
    for (const auto& [name, value] : kDefaults) main_cf_.set_default(name, value);
  }

  PostscreenImport run(const std::string& source) {
    out_.toml = fmt::format("# Made from {} by `smtpgate import postscreen`.\n",
                            hf::printable(source, 200));
    server();
    banner();
    section("mode");
    line("default", hf::toml_quote("observe"));
    access();
    limits();
    score();
    pregreet();
    section("rdns");
    line("check", "false");
    dns();
    lists();
    leftovers();
    return std::move(out_);
  }

 private:
  void note(std::string text) { out_.notes.push_back(std::move(text)); }
  void section(std::string_view name) { out_.toml += fmt::format("\n[{}]\n", name); }
  void line(std::string_view key, std::string_view toml) {
    out_.toml += fmt::format("{} = {}\n", key, toml);
  }

  /// The value of a parameter; one that cannot be evaluated counts as empty, with a note.
  std::string text(const char* name) {
    seen_.insert(name);
    auto value = main_cf_.value(name);
    if (value) return std::move(*value);
    note(value.error().message);
    return {};
  }

  int64_t number(const char* name, int64_t least, int64_t most, int64_t otherwise) {
    const std::string value = text(name);
    if (const auto read = hf::parse_int(value, least, most)) return *read;
    note(fmt::format("{} = {} is not a number from {} to {}; {} is taken", name,
                     hf::printable(value), least, most, otherwise));
    return otherwise;
  }

  /// A bare number counts in `unit`, which in Postfix differs by parameter.
  milliseconds time(const char* name, char unit, milliseconds least, milliseconds most) {
    std::string value = text(name);
    if (!value.empty() && value.back() >= '0' && value.back() <= '9') value += unit;
    const auto read = hf::parse_duration(value);
    const milliseconds used = std::clamp(read ? *read : least, least, most);
    if (!read || used != *read)
      note(fmt::format("{} = {} is not a time from {} to {}; {} is taken", name,
                       hf::printable(value), hf::format_duration(least), hf::format_duration(most),
                       hf::format_duration(used)));
    return used;
  }
  void duration(std::string_view key, milliseconds value) {
    line(key, hf::toml_quote(hf::format_duration(value)));
  }

  void server() {
    section("listen");
    line("addresses", R"(["0.0.0.0:25", "[::]:25"])");
    if (const std::string interfaces = text("inet_interfaces"); interfaces != "all")
      note(
          fmt::format("inet_interfaces = {}: [listen] addresses takes every address of this "
                      "machine; name those you want",
                      hf::printable(interfaces, 200)));
    if (!text("postscreen_upstream_proxy_protocol").empty())
      note(
          "postscreen_upstream_proxy_protocol: write the addresses of your balancers to [listen] "
          "proxy_from; without that their headers are taken for early talk");

    section("backend");
    const std::string pass = "postfix-pass:" + text("queue_directory") + "/private/smtpd";
    line("handoff", fmt::format("[{}]", hf::toml_quote(pass)));
    note(
        "master.cf: keep the service \"smtpd pass - - n - - smtpd\", and take away \"smtp inet … "
        "postscreen\", since smtpgate takes port 25");
  }

  void banner() {
    section("banner");
    if (const std::string name = text("myhostname"); !name.empty())
      line("name", hf::toml_quote(name));
    const std::string greeting = text("postscreen_greet_banner");
    line("teaser", greeting.empty() ? "false" : "true");
    if (main_cf_.has("postscreen_greet_banner") && !greeting.empty())
      note(
          "postscreen_greet_banner: the words are not carried over; the teaser is the name and "
          "ESMTP");
    constexpr milliseconds kShortest{2000};
    const milliseconds wait =
        time("postscreen_greet_wait", 's', milliseconds(1000), milliseconds(60'000));
    duration("wait", wait);
    duration("min_wait", std::min(wait, kShortest));
    duration("stress_wait", std::min(wait, kShortest));
  }

  void access() {
    AccessImport lists;
    lists.read(text("postscreen_access_list"), text("mynetworks"));
    out_.allow = lists.allow();
    out_.deny = lists.deny();
    out_.notes.insert(out_.notes.end(), lists.notes().begin(), lists.notes().end());
    section("access");
    if (!out_.allow.empty()) line("allow", hf::toml_quote(folder_ + "/allow.cidr"));
    if (!out_.deny.empty()) line("deny", hf::toml_quote(folder_ + "/deny.cidr"));
    seen_.insert("postscreen_blacklist_action");
    if (text("postscreen_denylist_action") == "ignore" && !out_.deny.empty())
      note(
          "postscreen_denylist_action = ignore: here the deny list refuses once [mode] default is "
          "\"enforce\"");
  }

  void limits() {
    constexpr int64_t kMost = 1'000'000, kPerNet24 = 100;
    const int64_t per_ip = number("postscreen_client_connection_count_limit", 0, kMost, 50);
    section("limits");
    line("per_ip", std::to_string(per_ip));
    line("per_net24", std::to_string(per_ip == 0 ? 0 : std::max(per_ip, kPerNet24)));
    line("per_net64", std::to_string(per_ip));
    if (main_cf_.has("postscreen_pre_queue_limit"))
      line("waiting", std::to_string(number("postscreen_pre_queue_limit", 1, kMost, 50'000)));
  }

  void score() {
    constexpr int64_t kMost = 1000, kGrey = 3;
    block_ = number("postscreen_dnsbl_threshold", 1, kMost, 1);
    seen_.insert("postscreen_dnsbl_whitelist_threshold");
    const int64_t skip = number("postscreen_dnsbl_allowlist_threshold", -kMost, 0, 0);
    section("score");
    line("block", std::to_string(block_));
    line("grey", std::to_string(std::min(block_, kGrey)));
    line("skip", std::to_string(skip == 0 ? -kMost : skip));  // 0: no score skips tests
    if (text("postscreen_dnsbl_action") == "ignore" && main_cf_.has("postscreen_dnsbl_sites"))
      note(
          "postscreen_dnsbl_action = ignore: here lists refuse once [mode] default is "
          "\"enforce\"");
  }

  void pregreet() {
    const std::string action = text("postscreen_greet_action");
    section("pregreet");
    line("action", hf::toml_quote(action == "enforce" ? "refuse" : action));
    duration("pass", time("postscreen_greet_ttl", 'd', milliseconds(1000), kLongest));
  }

  void dns() {
    seen_.insert("postscreen_dnsbl_ttl");
    section("dns");
    duration("pass", time("postscreen_dnsbl_max_ttl", 'h', milliseconds(1000), kLongest));
    if (main_cf_.has("postscreen_dnsbl_timeout"))
      duration("timeout",
               time("postscreen_dnsbl_timeout", 's', milliseconds(1000), milliseconds(30'000)));
  }

  void lists() {
    std::string sites = text("postscreen_dnsbl_sites");
    std::ranges::replace(sites, ',', ' ');
    for (const std::string_view site : hf::split_blanks(sites)) {
      const auto list = read_site(site);
      if (!list) {
        note(fmt::format("postscreen_dnsbl_sites: \"{}\" is left out: {}", hf::printable(site),
                         list.error().message));
        continue;
      }
      section("[dnsbl]");
      line("zone", hf::toml_quote(site));
      // Elsewhere one list alone may reach the threshold, so it must here too.
      if (list->rule.weight >= block_) line("trusted", "true");
    }
  }

  void leftovers() {
    for (const auto& [name, value] : main_cf_.settings())
      if (name.starts_with("postscreen_") && !seen_.contains(name))
        note(fmt::format("{} = {} is not carried over", hf::printable(name),
                         hf::printable(value, 100)));
  }

  static constexpr milliseconds kLongest = std::chrono::hours(24 * 3650);

  MainCf main_cf_;
  const std::string folder_;
  std::set<std::string, std::less<>> seen_;
  int64_t block_ = 0;
  PostscreenImport out_;
};

}  // namespace

hf::Result<PostscreenImport> import_postscreen(const std::string& main_cf_path,
                                               const std::string& folder) {
  HF_TRY_ASSIGN(const std::string text, hf::read_file(main_cf_path, kMaxMainCf));
  MainCf main_cf = MainCf::parse(text);
  main_cf.set_default("config_directory", main_cf_path.substr(0, main_cf_path.rfind('/')));
  auto out = Importer(std::move(main_cf), folder).run(main_cf_path);
  if (auto config = parse_config(out.toml, main_cf_path + " as smtpgate.toml"); !config)
    return hf::fail(std::move(config).error());
  return out;
}

}  // namespace smtpgate
