// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/grey/reader.h"

#include <algorithm>
#include <map>
#include <utility>

#include "smtpgate/grey/scope.h"
#include "smtpgate/grey/store.h"

namespace smtpgate {
namespace {

GreyEntry entry_of(GreyTable table, const GreyStore::Entry& entry, const GreyTimes& times) {
  const auto& [id, record] = entry;
  return {.known = table == GreyTable::kKnown,
          .kind = record.kind,
          .client = record.client,
          .mail = table == GreyTable::kMails ? short_id(id) : 0,
          .first = times.to_wall(record.first),
          .last = times.to_wall(record.last),
          .passed = record.passed != 0 ? times.to_wall(record.passed) : 0,
          .tries = record.tries};
}

/// The same mail under two scopes, told as one.
void add(GreyEntry& mail, const GreyEntry& other) {
  mail.kind = std::min(mail.kind, other.kind);
  mail.first = std::min(mail.first, other.first);
  mail.last = std::max(mail.last, other.last);
  mail.passed = std::max(mail.passed, other.passed);
  mail.tries = std::max(mail.tries, other.tries);
}

}  // namespace

struct GreyReader::State {
  GreyKey key;
  GreyStore store;

  hf::Result<GreyTimes> times() const {
    HF_TRY_ASSIGN(const auto times, store.times());
    return times.value_or(GreyTimes{});  // nothing was ever written
  }
};

GreyReader::GreyReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
GreyReader::GreyReader(GreyReader&&) noexcept = default;
GreyReader& GreyReader::operator=(GreyReader&&) noexcept = default;
GreyReader::~GreyReader() = default;

hf::Result<GreyReader> GreyReader::open(const std::string& folder) {
  HF_TRY_ASSIGN(GreyStore store,
                GreyStore::open(folder + "/grey.mdb", GreyStore::Mode::kReadOnly, 0));
  HF_TRY_ASSIGN(const GreyKey key, GreyKey::read(folder + "/grey.key"));
  return GreyReader(std::make_unique<State>(State{key, std::move(store)}));
}

hf::Result<void> GreyReader::for_each(const std::function<bool(const GreyEntry&)>& visit) const {
  HF_TRY_ASSIGN(const GreyTimes times, state_->times());
  bool goes_on = true;
  for (const GreyTable table : {GreyTable::kKnown, GreyTable::kMails}) {
    HF_TRY(state_->store.for_each(table, [&](const GreyStore::Entry& entry) {
      return goes_on = goes_on && visit(entry_of(table, entry, times));
    }));
  }
  return {};
}

hf::Result<GreyStory> GreyReader::story(const hf::IpAddress& client) const {
  HF_TRY_ASSIGN(const GreyTimes times, state_->times());
  const uint64_t id = state_->key.client_id(client);
  const GreyId network = state_->key.scope_id(network_scope(client));
  GreyStory story;
  std::map<uint64_t, GreyEntry> mails;
  HF_TRY(state_->store.for_each(GreyTable::kKnown, [&](const GreyStore::Entry& entry) {
    if (entry.first == network || entry.second.client == id)
      story.known.push_back(entry_of(GreyTable::kKnown, entry, times));
    return true;
  }));
  HF_TRY(state_->store.for_each(GreyTable::kMails, [&](const GreyStore::Entry& entry) {
    if (entry.second.client != id) return true;
    const GreyEntry mail = entry_of(GreyTable::kMails, entry, times);
    add(mails.try_emplace(mail.mail, mail).first->second, mail);
    return true;
  }));
  for (const auto& [mail, entry] : mails) story.mails.push_back(entry);
  std::ranges::sort(story.mails, {}, &GreyEntry::first);
  return story;
}

}  // namespace smtpgate
