// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/policy/config_keys.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "base/ui/config_codec.h"

namespace smtpgate {
namespace {

using namespace std::chrono_literals;
using hf::Codec;
using std::chrono::hours;
using Key = ConfigKey;

constexpr hours kYears = hours(24 * 3650);  // longest time to remember anything

Codec<hf::Endpoint> endpoint() {
  return hf::parsed<hf::Endpoint>("address with a port", hf::Endpoint::parse,
                                  [](const hf::Endpoint& each) { return each.to_string(); });
}

hf::Result<hf::Endpoint> parse_server(std::string_view text) {
  constexpr uint16_t kDnsPort = 53;
  if (const auto ip = hf::IpAddress::parse(text)) return hf::Endpoint{*ip, kDnsPort};
  return hf::Endpoint::parse(text);
}

Codec<hf::Endpoint> dns_server() {
  return hf::parsed<hf::Endpoint>("address", parse_server,
                                  [](const hf::Endpoint& each) { return each.to_string(); });
}

Codec<hf::IpPrefix> network() {
  return hf::parsed<hf::IpPrefix>("network", hf::IpPrefix::parse,
                                  [](const hf::IpPrefix& each) { return each.to_string(); });
}

Codec<BackendUri> backend() {
  return hf::parsed<BackendUri>("backend", BackendUri::parse,
                                [](const BackendUri& each) { return each.text; });
}

Codec<std::vector<std::string>> files() {
  return hf::list_of("list of absolute paths", hf::absolute_path(), 100);
}

Codec<bool> mode() {
  return hf::choice<bool>({{"observe", false}, {"enforce", true}});
}

Codec<TestAction> test_action() {
  return hf::choice<TestAction>({{"ignore", TestAction::kIgnore},
                                 {"refuse", TestAction::kRefuse},
                                 {"drop", TestAction::kDrop}});
}

Codec<GreyOnly> grey_only() {
  return hf::choice<GreyOnly>({{"none", GreyOnly::kNone},
                               {"suspicious", GreyOnly::kSuspicious},
                               {"all", GreyOnly::kAll}});
}

Codec<GreyScope> grey_scope() {
  return hf::choice<GreyScope>(
      {{"spf", GreyScope::kSpf}, {"ptr", GreyScope::kPtr}, {"net", GreyScope::kNet}});
}

hf::Result<std::string> parse_domain(std::string_view text) {
  const bool plain = text.size() <= 253 && text.find('.') != text.npos && text[0] != '.' &&
                     std::ranges::all_of(text, [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                              c == '.' || c == '_';
                     });
  if (!plain) return hf::fail("a domain in lower case, such as \"example.com\"");
  return std::string(text);
}

Codec<std::string> provider() {
  return hf::parsed<std::string>("domain", parse_domain, [](const std::string& name) { return name; });
}

Codec<bool> grey_fallback() {
  return hf::choice<bool>({{"handoff", false}, {"defer", true}});
}

Codec<std::string> log_level() {
  return hf::choice<std::string>(
      {{"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"}});
}

Codec<RbldnsdZone::Format> zone_format() {
  return hf::choice<RbldnsdZone::Format>({{"ip4set", RbldnsdZone::Format::kIp4Set},
                                          {"ip4trie", RbldnsdZone::Format::kIp4Trie},
                                          {"dnset", RbldnsdZone::Format::kDnset}});
}

/// The zone with its filter; the weight is written by its own key.
Codec<ListRule> list_rule() {
  auto codec = hf::parsed<ListRule>(
      "DNS list such as \"zone\" or \"zone=127.0.0.[2..11]*3\"", parse_list_rule,
      [](const ListRule& rule) {
        return rule.filter_text.empty() ? rule.zone : rule.zone + "=" + rule.filter_text;
      });
  codec.write = [write = codec.write](const ListRule& rule) {
    return rule.zone.empty() ? "" : write(rule);
  };
  return codec;
}

Codec<int> weight() {
  constexpr int64_t kMost = 1000;
  auto whole = hf::integer(-kMost, kMost);
  return {whole.type,
          [read = whole.read](const hf::ConfigValue& value) -> hf::Result<int> {
            HF_TRY_ASSIGN(const int64_t out, read(value));
            return static_cast<int>(out);
          },
          [](const int& value) { return std::to_string(value); }};
}

/// The filter of a file; that of a zone is part of its rule.
ListKey filter_key() {
  return {kListSection,
          "filter",
          "reply filter such as \"127.0.0.[2..11]\"",
          "which answers of a file count; for a zone, write it as zone=filter",
          [](const hf::ConfigValue& value, ListConfig& list) -> hf::Result<void> {
            const auto* text = std::get_if<std::string>(&value.value);
            if (text == nullptr) return hf::fail(hf::expected("reply filter", value));
            HF_TRY_ASSIGN(list.rule.filter, ReplyFilter::parse(*text));
            list.rule.filter_text = *text;
            return {};
          },
          [](const ListConfig& list) {
            const bool own = !list.file.empty() && !list.rule.filter_text.empty();
            return own ? hf::toml_quote(list.rule.filter_text) : "";
          },
          nullptr};
}

ListKey only_of_files(ListKey key) {
  key.write = [write = key.write](const ListConfig& list) {
    return list.file.empty() ? "" : write(list);
  };
  return key;
}

Key needs_restart(Key key) {
  key.fixed = key.write;
  return key;
}

/// The gate reaches a pass socket through its master, which takes no new paths while it runs.
Key pass_paths_need_restart(Key key) {
  key.fixed = [](const Config& config) {
    std::string paths;
    for (const BackendUri& each : config.backend.handoff)
      if (each.kind == BackendUri::Kind::kPostfixPass) paths += each.path + '\n';
    return paths;
  };
  return key;
}

#define AT(place) [](auto& c) -> auto& { return c.place; }

template <class T, class At>
Key key(std::string_view section, std::string_view name, Codec<T> codec, At at,
        std::string_view help) {
  return hf::config_key<Config>(section, name, std::move(codec), at, help);
}

template <class T, class At>
ListKey list_key(std::string_view name, Codec<T> codec, At at, std::string_view help) {
  return hf::config_key<ListConfig>(kListSection, name, std::move(codec), at, help);
}

}  // namespace

// clang-format off
const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> keys = {
      needs_restart(key("listen", "addresses", hf::list_of("list of addresses", endpoint(), 64),
          AT(listen.addresses), "where clients are accepted, such as \"0.0.0.0:25\", \"[::]:25\"")),
      needs_restart(key("listen", "workers", hf::integer(0, 1024), AT(listen.workers),
          "event loops, each a thread; 0: one per core")),
      key("listen", "proxy_from", hf::list_of("list of networks", network(), 1000),
          AT(listen.proxy_from),
          "balancers that must send a PROXY header; no other client may"),
      key("listen", "proxy_timeout", hf::duration(100ms, 60s), AT(listen.proxy_timeout),
          "how long a balancer may take to send that header"),

      pass_paths_need_restart(key("backend", "handoff",
          hf::list_of("list of backends", backend(), 16), AT(backend.handoff),
          "mail servers in order of preference: postfix-pass:PATH, or proxy-v2, proxy-v1, xclient "
          "or plain with :HOST:PORT or :PATH")),
      key("backend", "stranger_slots", hf::integer(0, 1'000'000), AT(backend.stranger_slots),
          "sessions of unknown clients alive in a postfix-pass backend; others are relayed"),
      key("backend", "connect_timeout", hf::duration(100ms, 5min), AT(backend.connect_timeout),
          "how long a backend may take to accept a connection and greet"),
      key("backend", "pickup_timeout", hf::duration(100ms, 1h), AT(backend.pickup_timeout),
          "how long Postfix may take to pick up a passed client"),
      key("backend", "idle_timeout", hf::duration(1s, 24h), AT(backend.idle_timeout),
          "silence after which a relayed session is ended"),
      key("backend", "probe_interval", hf::duration(1s, 24h), AT(backend.probe_interval),
          "how often each backend is tried"),

      key("banner", "name", hf::word("host name", true), AT(banner.name),
          "the name in our greeting; unset: this machine's host name"),
      key("banner", "teaser", hf::boolean(), AT(banner.teaser),
          "send a first greeting line at once, which only spam software takes for the greeting"),
      key("banner", "wait", hf::duration(0ms, 60s), AT(banner.wait),
          "longest stay in the waiting room"),
      key("banner", "min_wait", hf::duration(0ms, 60s), AT(banner.min_wait),
          "shortest stay of a client that must prove its silence"),
      key("banner", "stress_wait", hf::duration(0ms, 60s), AT(banner.stress_wait),
          "longest stay while the waiting room is 90 % full"),

      key("mode", "default", mode(), AT(mode.enforce),
          "\"observe\" logs what would be refused and hands everybody over; \"enforce\" refuses"),

      key("access", "allow", files(), AT(access.allow),
          "CIDR files of clients that skip all tests"),
      key("access", "deny", files(), AT(access.deny), "CIDR files of clients that are refused"),
      key("access", "soft", hf::boolean(), AT(access.soft),
          "refuse denied clients for now only (4xx)"),

      key("limits", "per_ip", hf::integer(0, 1'000'000), AT(limits.per_ip),
          "connections at once from one address; 0: no limit"),
      key("limits", "per_net24", hf::integer(0, 1'000'000), AT(limits.per_net24),
          "connections at once from one IPv4 /24; 0: no limit"),
      key("limits", "per_net64", hf::integer(0, 1'000'000), AT(limits.per_net64),
          "connections at once from one IPv6 /64; 0: no limit"),
      key("limits", "rate_ip", hf::rate(), AT(limits.rate_ip),
          "new connections from one address; 0/min: no limit"),
      key("limits", "waiting", hf::integer(1, 10'000'000), AT(limits.waiting),
          "clients in the waiting room, of all workers"),
      key("limits", "command_timeout", hf::duration(1s, 1h), AT(limits.command_timeout),
          "how long a client may take for its first command"),
      key("limits", "refuse_timeout", hf::duration(100ms, 1h), AT(limits.refuse_timeout),
          "longest stay of a refused client"),

      key("score", "block", hf::integer(1, 1000), AT(score.block),
          "refuse a client whose lists and reverse name add up to this"),
      key("score", "grey", hf::integer(-1000, 1000), AT(score.grey),
          "call a client doubtful from this score on"),
      key("score", "skip", hf::integer(-1000, 1000), AT(score.skip),
          "skip the other tests for a client with this score or less"),

      key("pregreet", "action", test_action(), AT(pregreet.action),
          "what happens to a client that speaks before the greeting"),
      key("pregreet", "soft", hf::boolean(), AT(pregreet.soft),
          "refuse it for now only (4xx)"),
      key("pregreet", "pass", hf::whole_seconds(1s, kYears), AT(pregreet.pass),
          "how long a client's silence is remembered, so that it waits no more"),

      key("rdns", "check", hf::boolean(), AT(rdns.check),
          "look up the client's reverse name"),
      key("rdns", "missing", hf::integer(0, 1000), AT(rdns.missing),
          "score of an address without a name"),
      key("rdns", "unconfirmed", hf::integer(0, 1000), AT(rdns.unconfirmed),
          "score of an address whose name does not lead back to it"),

      needs_restart(key("dns", "servers", hf::list_of("list of addresses", dns_server(), 8),
          AT(dns.servers), "DNS resolvers to ask; unset: those of /etc/resolv.conf")),
      needs_restart(key("dns", "timeout", hf::duration(100ms, 30s), AT(dns.timeout),
          "after this a question counts as unanswered")),
      key("dns", "pass", hf::whole_seconds(1s, kYears), AT(dns.pass),
          "how long \"not listed\" is remembered"),
      key("dns", "cache", hf::integer(0, 10'000'000), AT(dns.cache),
          "answers kept by each worker"),

      key("grey", "only", grey_only(), AT(grey.only),
          "who is asked to come back later: \"suspicious\" clients, those with a score from [score] "
          "grey on; \"all\" that are unknown; \"none\""),
      key("grey", "scope", hf::list_of("list", grey_scope(), 3), AT(grey.scope),
          "what a client that comes back is known by: the domain whose SPF it passes, the domain "
          "of its reverse name, its network"),
      needs_restart(key("grey", "min", hf::whole_seconds(1s, hours(24)), AT(grey.min),
          "a retry sooner than this is too early")),
      needs_restart(key("grey", "window", hf::whole_seconds(60s, hours(24 * 30)), AT(grey.window),
          "a retry later than this is a first try again")),
      needs_restart(key("grey", "keep", hf::whole_seconds(1s, kYears), AT(grey.keep),
          "how long who came back is let in at once, since the last mail")),
      needs_restart(key("grey", "max", hf::integer(1000, 1'000'000'000), AT(grey.max),
          "mails and senders remembered; the oldest make room")),
      key("grey", "providers", hf::list_of("list of domains", provider(), 100),
          AT(grey.providers),
          "big senders that are never delayed, by the networks in their SPF records, which "
          "`smtpgate providers --refresh` looks up"),
      key("grey", "session_timeout", hf::duration(10s, 1h), AT(grey.session_timeout),
          "longest stay of a client that is being asked"),
      key("grey", "fallback", grey_fallback(), AT(grey.defer_unasked),
          "where no backend but postfix-pass can be reached, so that nobody can be asked for a "
          "sender: \"handoff\" at once, or \"defer\" by the client's network"),

      needs_restart(key("tls", "cert", files(), AT(tls.cert),
          "certificates with their chains, in PEM, for STARTTLS with a client that is being asked; "
          "all others negotiate TLS with the mail server")),
      needs_restart(key("tls", "key", files(), AT(tls.key),
          "their private keys, in the same order")),
      needs_restart(key("tls", "handshakes", hf::rate(), AT(tls.handshakes),
          "most handshakes to begin; 0/s: no limit")),

      needs_restart(key("history", "path", hf::absolute_path(), AT(history.path),
          "folder of the history of clients")),
      needs_restart(key("history", "max", hf::integer(1, 1'000'000'000), AT(history.max),
          "networks remembered; the oldest make room")),
      key("history", "keep_failed", hf::whole_seconds(1s, kYears), AT(history.keep_failed),
          "how long a client without a pass is remembered"),
      key("history", "keep_passed", hf::whole_seconds(1s, kYears), AT(history.keep_passed),
          "how long a client with a pass is remembered"),

      needs_restart(key("metrics", "listen", hf::list_of("address with a port", endpoint(), 1),
          AT(metrics.listen), "where Prometheus metrics are served; unset: nowhere")),

      needs_restart(key("log", "file", hf::absolute_path(true), AT(log.file),
          "file of the log; unset: standard error, which systemd keeps in its journal")),
      needs_restart(key("log", "level", log_level(), AT(log.level),
          "least important messages to write")),

      key("run", "drain", hf::duration(0ms, 1h), AT(run.drain),
          "how long sessions may go on after a stop was asked for"),

      key("reply", "url", hf::word("URL", true), AT(reply.url),
          "page named in every refusal; {id} and {ip} are replaced"),
  };
  return keys;
}

const std::vector<ListKey>& list_keys() {
  static const std::vector<ListKey> keys = {
      list_key("zone", list_rule(), AT(rule),
          "DNS list as zone, zone*weight, zone=filter or zone=filter*weight"),
      list_key("file", hf::absolute_path(), AT(file), "rbldnsd zone data, in place of a zone"),
      only_of_files(list_key("format", zone_format(), AT(format),
          "format of the file; unset: by the end of its name")),
      filter_key(),
      list_key("weight", weight(), AT(rule.weight),
          "what a listing adds to the score, in place of one in zone"),
      list_key("name", hf::word("name of a list", true), AT(name),
          "name in replies, logs and metrics; unset: the zone or the file's name"),
      list_key("budget", hf::rate(), AT(budget), "most queries to send; 0/day: no limit"),
      list_key("trusted", hf::boolean(), AT(trusted),
          "may reach [score] block by itself; unset: true for a file, false for a zone"),
      list_key("ipv6", hf::boolean(), AT(ipv6), "ask it about IPv6 clients too"),
      list_key("soft", hf::boolean(), AT(soft),
          "refuse for now only (4xx) where this list weighs most"),
      list_key("url", hf::word("URL", true), AT(url),
          "page that explains a listing; {ip} is replaced"),
      list_key("dead_ok", hf::boolean(), AT(dead_ok),
          "use the zone although its operator has closed it"),
  };
  return keys;
}
// clang-format on

#undef AT

}  // namespace smtpgate
