// SPDX-License-Identifier: Apache-2.0
//
// Problem: software that sends spam seldom tries twice, a mail server does; so a first try is
// deferred. Asked for is the same mail again, not the same address: large senders retry from
// another one. (RFC 6647)
//
// Idea: a mail is (normalised sender, first recipient), and it is remembered once under each scope
// of its client. A retry is recognised if any scope of the attempt knows the mail. It then is as
// old as the oldest memory of it, and is remembered under all of the attempt's scopes as being that
// old, so that a chain of tries from changing places stays one mail, and one that came too early
// starts nothing anew. A retry in the window makes all scopes of its client known-good; their mail
// is not asked to wait until they have been silent for `keep_s`.
//
// What was learnt since the last commit lies over the store: a look-up asks first what was learnt,
// then the batch on its way to the disk, then the store. One mutex covers a decision, so that two
// workers never take each other's try for a first one; names are normalised and hashed before it.
//
// Limits: at `max_entries` the oldest pending mail goes, and its retry is new. A table of a million
// costs some microseconds a decision, most of them LMDB's look-ups: two for each scope.
#include "smtpgate/grey/greylist.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "smtpgate/grey/record.h"
#include "smtpgate/grey/scope.h"
#include "smtpgate/grey/sender.h"
#include "smtpgate/grey/store.h"
#include "smtpgate/grey/time.h"

namespace smtpgate {
namespace {

// A use is noted only if the last noted one is older than this part of `keep_s`: else every mail of
// a large sender would be a write.
constexpr uint32_t kUseSteps = 1000;

struct Scope {
  const std::string* name;
  GreyId known_id;
  GreyId mail_id;
};

}  // namespace

struct Greylist::State {
  State(const GreyOptions& the_options, GreyKey the_key, GreyStore the_store,
        GreyStore::Reader the_reader, GreyTime the_time)
      : options(the_options),
        key(the_key),
        store(std::move(the_store)),
        reader(std::move(the_reader)),
        time(the_time) {}

  const GreyOptions options;
  const GreyKey key;
  GreyStore store;
  std::mutex writing;  // taken before `deciding`; held while the disk is written

  std::mutex deciding;  // for all that follows
  GreyStore::Reader reader;
  GreyTime time;
  std::unique_ptr<GreyBatch> learnt = std::make_unique<GreyBatch>();
  std::unique_ptr<const GreyBatch> in_flight;

  std::optional<GreyRecord> find(GreyTable table, const GreyId& id) {
    if (const auto found = (*learnt)[table].find(id); found != (*learnt)[table].end())
      return found->second;
    if (in_flight)
      if (const auto found = (*in_flight)[table].find(id); found != (*in_flight)[table].end())
        return found->second;
    return reader.find(table, id);
  }

  bool use_if_known(const GreyId& id, uint32_t now) {
    auto record = find(GreyTable::kKnown, id);
    if (!record || now - record->last > options.keep_s) return false;
    if (now - record->last > options.keep_s / kUseSteps) {
      record->last = now;
      (*learnt)[GreyTable::kKnown][id] = *record;
    }
    return true;
  }

  GreyDecision judge(const std::vector<Scope>& scopes, uint64_t client);
};

GreyDecision Greylist::State::judge(const std::vector<Scope>& scopes, uint64_t client) {
  const uint32_t now = time.now();
  for (const Scope& scope : scopes)
    if (use_if_known(scope.known_id, now)) return {GreyAnswer::kKnown, *scope.name, 0, 0};

  GreyRecord tried{.first = now, .last = now, .tries = 0, .client = client};
  GreyDecision decision;
  for (const Scope& scope : scopes) {
    const auto before = find(GreyTable::kMails, scope.mail_id);
    if (!before || now - before->first > options.window_s) continue;
    if (decision.scope.empty()) decision.scope = *scope.name;
    tried.first = std::min(tried.first, before->first);
    tried.tries = std::max(tried.tries, before->tries);
  }
  if (tried.tries < UINT16_MAX) ++tried.tries;
  decision.tries = tried.tries;
  decision.waited_s = now - tried.first;
  if (!decision.scope.empty())
    decision.answer = decision.waited_s >= options.min_s ? GreyAnswer::kPassed : GreyAnswer::kEarly;
  if (decision.answer == GreyAnswer::kPassed) tried.passed = now;

  for (const Scope& scope : scopes) {
    tried.kind = kind_of(*scope.name);
    (*learnt)[GreyTable::kMails][scope.mail_id] = tried;
    if (decision.answer != GreyAnswer::kPassed) continue;
    GreyRecord known = tried;
    known.first = now;
    (*learnt)[GreyTable::kKnown][scope.known_id] = known;
  }
  return decision;
}

Greylist::Greylist(std::unique_ptr<State> state) : state_(std::move(state)) {}
Greylist::Greylist(Greylist&&) noexcept = default;
Greylist& Greylist::operator=(Greylist&&) noexcept = default;
Greylist::~Greylist() = default;

hf::Result<Greylist> Greylist::open(const std::string& folder, const GreyOptions& options,
                                    const hf::Clock& clock) {
  HF_TRY_ASSIGN(const GreyKey key, GreyKey::read_or_make(folder + "/grey.key"));
  HF_TRY_ASSIGN(GreyStore store, GreyStore::open(folder + "/grey.mdb", GreyStore::Mode::kReadWrite,
                                                 options.max_entries));
  HF_TRY_ASSIGN(GreyStore::Reader reader, store.reader());
  HF_TRY_ASSIGN(const auto last, store.times());
  const GreyTime time = last ? GreyTime(clock, *last, options.window_s) : GreyTime(clock);
  return Greylist(std::make_unique<State>(options, key, std::move(store), std::move(reader), time));
}

GreyDecision Greylist::decide(const GreyAttempt& attempt) {
  State& state = *state_;
  const GreyId mail =
      state.key.mail_id(normalise_sender(attempt.sender), normalise_recipient(attempt.recipient));
  const uint64_t client = state.key.client_id(attempt.client);
  std::vector<Scope> scopes;
  for (const std::string& name : attempt.scopes) {
    const GreyId id = state.key.scope_id(name);
    scopes.push_back({&name, id, try_id(mail, id)});
  }
  const std::lock_guard lock(state.deciding);
  state.reader.begin();
  GreyDecision decision = state.judge(scopes, client);
  state.reader.end();
  return decision;
}

bool Greylist::is_known(std::span<const std::string> scopes) {
  State& state = *state_;
  std::vector<GreyId> ids;
  for (const std::string& name : scopes) ids.push_back(state.key.scope_id(name));
  const std::lock_guard lock(state.deciding);
  state.reader.begin();
  const uint32_t now = state.time.now();
  const bool known =
      std::ranges::any_of(ids, [&](const GreyId& id) { return state.use_if_known(id, now); });
  state.reader.end();
  return known;
}

hf::Result<void> Greylist::commit() {
  State& state = *state_;
  const std::lock_guard turn(state.writing);
  auto fresh = std::make_unique<GreyBatch>();
  GreyTimes now;
  {
    const std::lock_guard lock(state.deciding);
    if (state.learnt->empty()) return {};
    state.in_flight = std::exchange(state.learnt, std::move(fresh));
    now = state.time.both();
  }
  const auto written = state.store.write(*state.in_flight, now);
  std::unique_ptr<const GreyBatch> done;  // freed after the lock
  const std::lock_guard lock(state.deciding);
  done = std::move(state.in_flight);
  if (written) return {};
  for (const GreyTable table : kGreyTables) {
    auto& learnt = (*state.learnt)[table];
    if ((*done)[table].size() + learnt.size() <= state.options.max_entries)
      learnt.insert((*done)[table].begin(), (*done)[table].end());
  }
  return written;
}

hf::Result<size_t> Greylist::expire_some(size_t limit) {
  State& state = *state_;
  const std::lock_guard turn(state.writing);
  const uint32_t now = [&] {
    const std::lock_guard lock(state.deciding);
    return state.time.now();
  }();
  auto due_before = [&](uint32_t keep) { return now - std::min(now, keep); };
  HF_TRY_ASSIGN(const size_t mails,
                state.store.expire(GreyTable::kMails, due_before(state.options.window_s), limit));
  HF_TRY_ASSIGN(
      const size_t known,
      state.store.expire(GreyTable::kKnown, due_before(state.options.keep_s), limit - mails));
  return mails + known;
}

// What was learnt is forgotten after the store has forgotten: a decision in between may take from
// the store, but only into what is forgotten next. No batch is in flight meanwhile.

hf::Result<uint64_t> Greylist::flush() {
  State& state = *state_;
  const std::lock_guard turn(state.writing);
  HF_TRY_ASSIGN(const uint64_t removed, state.store.clear(GreyTable::kMails));
  const std::lock_guard lock(state.deciding);
  (*state.learnt)[GreyTable::kMails].clear();
  return removed;
}

hf::Result<uint64_t> Greylist::forget(const hf::IpAddress& client) {
  State& state = *state_;
  const uint64_t id = state.key.client_id(client);
  const GreyId network = state.key.scope_id(network_scope(client));
  auto is_due = [&](const auto& entry) {
    return entry.second.client == id || entry.first == network;
  };
  const std::lock_guard turn(state.writing);
  uint64_t removed = 0;
  for (const GreyTable table : kGreyTables) {
    HF_TRY_ASSIGN(const uint64_t count, state.store.erase_if(table, is_due));
    removed += count;
  }
  const std::lock_guard lock(state.deciding);
  for (const GreyTable table : kGreyTables) std::erase_if((*state.learnt)[table], is_due);
  return removed;
}

hf::Result<Greylist::Size> Greylist::size() const {
  HF_TRY_ASSIGN(const auto sizes, state_->store.sizes());
  return Size{sizes[GreyTable::kMails], sizes[GreyTable::kKnown]};
}

}  // namespace smtpgate
