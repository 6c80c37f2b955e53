// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/policy/ruleset.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

namespace smtpgate {
namespace {

const CidrList::Entry* find_in(const std::vector<CidrList>& lists, const hf::IpAddress& client,
                               int64_t now) {
  for (const CidrList& list : lists)
    if (const auto* entry = list.find(client, now)) return entry;
  return nullptr;
}

ListFact fact_of(std::optional<RbldnsdZone::Listing> listing) {
  ListFact fact{.state = ListFact::State::kAnswered, .answers = {}};
  if (listing) fact.answers = std::move(listing->answers);
  return fact;
}

}  // namespace

hf::Result<hf::Fd> open_directly(const std::string& path) {
  hf::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return hf::fail(hf::sys_error(path));
  return fd;
}

hf::Result<std::string> Ruleset::read(const std::string& path, const FileOpener& open) {
  HF_TRY_ASSIGN(const hf::Fd fd, open(path));
  sources_.push_back({path, 0, hf::file_stamp(fd.get())});
  auto text = hf::read_all(fd.get());
  if (!text) return hf::fail(std::move(text).error().within(path));
  return text;
}

hf::Result<std::vector<CidrList>> Ruleset::read_cidr_lists(const std::vector<std::string>& paths,
                                                           const FileOpener& open) {
  std::vector<CidrList> lists;
  for (const std::string& path : paths) {
    HF_TRY_ASSIGN(const std::string text, read(path, open));
    HF_TRY_ASSIGN(CidrList list, CidrList::parse(text, path));
    sources_.back().entries = list.size();
    lists.push_back(std::move(list));
  }
  return lists;
}

/// A provider that has not been looked up yet has no file.
hf::Result<void> Ruleset::read_providers(const FileOpener& open) {
  std::vector<ProviderNets> all;
  for (const std::string& provider : config.grey.providers) {
    const std::string path = provider_file(config, provider);
    auto text = read(path, open);
    if (!text && text.error().sys == ENOENT) {
      sources_.push_back({path, 0, {}});
      continue;
    }
    if (!text) return hf::fail(std::move(text).error());
    HF_TRY_ASSIGN(ProviderNets nets, parse_provider_nets(*text, path));
    sources_.back().entries = nets.networks.size();
    all.push_back(std::move(nets));
  }
  providers_ = ProviderTable(all);
  return {};
}

hf::Result<std::shared_ptr<const Ruleset>> Ruleset::load(Config config, const FileOpener& open) {
  std::shared_ptr<Ruleset> rules(new Ruleset(std::move(config)));
  HF_TRY_ASSIGN(rules->allow_, rules->read_cidr_lists(rules->config.access.allow, open));
  HF_TRY_ASSIGN(rules->deny_, rules->read_cidr_lists(rules->config.access.deny, open));
  if (rules->config.grey.only != GreyOnly::kNone) HF_TRY(rules->read_providers(open));
  for (const ListConfig& list : rules->config.lists) {
    std::optional<RbldnsdZone> zone;
    if (!list.file.empty()) {
      HF_TRY_ASSIGN(const std::string text, rules->read(list.file, open));
      HF_TRY_ASSIGN(zone, RbldnsdZone::parse(text, list.format, list.file));
      rules->sources_.back().entries = zone->size();
    }
    rules->zones_.push_back(std::move(zone));
  }
  return rules;
}

void Ruleset::look_up_access(Facts& facts, int64_t now) const {
  const auto* allowed = find_in(allow_, facts.client, now);
  const auto* denied = allowed ? nullptr : find_in(deny_, facts.client, now);
  facts.allowed = allowed != nullptr;
  facts.denied = denied != nullptr;
  if (const auto* entry = allowed ? allowed : denied) facts.access_note = entry->note;
}

void Ruleset::look_up_provider(Facts& facts) const {
  facts.provider = providers_.find(facts.client);
}

void Ruleset::look_up_local_lists(Facts& facts) const {
  facts.lists.assign(config.lists.size(), {});
  for (size_t i = 0; i < zones_.size(); ++i)
    if (zones_[i] && config.lists[i].format != RbldnsdZone::Format::kDnset)
      facts.lists[i] = fact_of(zones_[i]->find(facts.client));
}

void Ruleset::look_up_name(Facts& facts) const {
  for (size_t i = 0; i < zones_.size(); ++i) {
    if (!zones_[i] || config.lists[i].format != RbldnsdZone::Format::kDnset) continue;
    if (facts.rdns.state == RdnsFact::State::kConfirmed)
      facts.lists[i] = fact_of(zones_[i]->find_name(facts.rdns.name));
    else if (facts.rdns.state == RdnsFact::State::kPending)
      facts.lists[i] = {.state = ListFact::State::kPending, .answers = {}};
    else
      facts.lists[i] = {};
  }
}

bool Ruleset::asks_dns(size_t index, const hf::IpAddress& client) const {
  const ListConfig& list = config.lists[index];
  return list.file.empty() && !client.is_private() && (client.is_v4() || list.ipv6);
}

bool Ruleset::has_dns_tests() const { return config.rdns.check || !config.lists.empty(); }

bool Ruleset::has_allow_scores() const {
  return std::ranges::any_of(config.lists,
                             [](const ListConfig& list) { return list.rule.weight < 0; });
}

bool Ruleset::files_changed(const FileOpener& open) const {
  return std::ranges::any_of(sources_, [&](const Source& source) {
    const auto fd = open(source.path);
    return fd && hf::file_stamp(fd->get()) != source.stamp;
  });
}

}  // namespace smtpgate
