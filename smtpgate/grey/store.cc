// SPDX-License-Identifier: Apache-2.0
//
// Four named tables: "mails" and "known" hold the records by id; "mails.age" and "known.age" hold
// for each record the key SINCE ID without a value, SINCE (4 bytes, big-endian) being the time from
// which its age counts. So the front of an age table is what is due next, and removing it costs no
// more than what is removed. A record and its age change in one transaction.
//
// The main table has "format", and "times", both clocks at the last write (12 bytes, big-endian).
// It is put in every transaction of a write: no record is ever newer than it.
//
// An entry takes 49 bytes of a leaf page (8 of header, 2 of index, id, record) and 30 of its age's;
// ids are random, so pages are about 70 % full: some 110 bytes an entry.
#include "smtpgate/grey/store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "base/core/text.h"
#include "smtpgate/history/lmdb.h"

namespace smtpgate {

using namespace lmdb;

namespace {

constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kFormat = "smtpgate greylist 1";
constexpr std::string_view kTimesKey = "times";

constexpr mdb_mode_t kFileMode = 0640;
constexpr unsigned kMostReaders = 256;  // the gate has one, every command that looks another

// Address space, not disk: pages a quarter full, and as much again for the copies of commits.
constexpr uint64_t kMapBytesPerEntry = 768;
constexpr uint64_t kMapBytesLeast = 64ULL << 20;

constexpr size_t kSlice = 1000;  // entries read in one snapshot: some fifty microseconds

// Entries of one transaction: LMDB keeps memory for as many pages as the largest one changed.
constexpr size_t kCommitEntries = 200;

constexpr GreyTables<const char*> kTableNames{{"mails", "known"}};
constexpr GreyTables<const char*> kAgeNames{{"mails.age", "known.age"}};

std::string_view view(const GreyId& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

std::optional<GreyId> decode_id(std::string_view bytes) {
  GreyId id;
  if (bytes.size() != id.size()) return std::nullopt;
  std::memcpy(id.data(), bytes.data(), id.size());
  return id;
}

uint32_t since(GreyTable table, const GreyRecord& record) {
  return table == GreyTable::kMails ? record.first : record.last;
}

template <class T>
std::string big_endian(T value) {
  std::string bytes(sizeof(T), '\0');
  for (size_t i = sizeof(T); i-- > 0; value >>= 8) bytes[i] = static_cast<char>(value & 0xff);
  return bytes;
}

uint64_t read_big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

/// The key SINCE ID.
constexpr size_t kAgeBytes = 4 + sizeof(GreyId);
std::string age_key(uint32_t since, const GreyId& id) {
  return big_endian(since).append(view(id));
}

hf::Error lmdb_error(const std::string& path, int code) {
  return error_of(
      code, {.what = "greylist in " + path,
             .when_full = "end the program that has been reading it for long",
             .when_damaged = "move it and its -lock file away, a new greylist is then begun",
             .when_absent = "the gate makes it, if its folder is there and greylisting is on"});
}

bool has_store(const std::string& path) {
  struct stat info {};
  // An error other than absence is left for LMDB to report.
  if (::stat(path.c_str(), &info) != 0) return errno != ENOENT;
  return info.st_size > 0;
}

}  // namespace

struct GreyStore::State {
  std::string path;
  Env env;
  uint64_t max_entries = 0;
  MDB_dbi main = 0;
  GreyTables<MDB_dbi> records;
  GreyTables<MDB_dbi> ages;

  hf::Result<void> check(int code) const {
    if (code != 0) return hf::fail(lmdb_error(path, code));
    return {};
  }
  hf::Result<Txn> begin(unsigned flags) const {
    MDB_txn* txn = nullptr;
    HF_TRY(check(::mdb_txn_begin(env.get(), nullptr, flags, &txn)));
    return Txn(txn);
  }
  /// What is not there needs no removal: a damaged record may have lost its age.
  hf::Result<void> remove(MDB_txn* txn, MDB_dbi table, std::string_view key) const {
    MDB_val val = to_val(key);
    const int code = ::mdb_del(txn, table, &val, nullptr);
    return check(code == MDB_NOTFOUND ? 0 : code);
  }
  hf::Result<void> commit(Txn txn) const { return check(::mdb_txn_commit(txn.release())); }
  uint64_t size(MDB_txn* txn, GreyTable table) const {
    MDB_stat stat{};
    ::mdb_stat(txn, records[table], &stat);
    return stat.ms_entries;
  }

  hf::Result<void> open_tables(Mode mode);
  hf::Result<void> put(MDB_txn* txn, GreyTable table, const Entry& entry) const;
  hf::Result<void> put_times(MDB_txn* txn, const GreyTimes& now) const;
  hf::Result<void> erase(MDB_txn* txn, GreyTable table, const Entry& entry) const;
  hf::Result<size_t> erase_oldest(MDB_txn* txn, GreyTable table, uint32_t before,
                                  uint64_t limit) const;
  hf::Result<void> make_room(MDB_txn* txn) const;
};

hf::Result<void> GreyStore::State::open_tables(Mode mode) {
  const bool writes = mode == Mode::kReadWrite;
  HF_TRY_ASSIGN(Txn txn, begin(writes ? 0 : MDB_RDONLY));
  HF_TRY(check(::mdb_dbi_open(txn.get(), nullptr, 0, &main)));
  MDB_stat stat{};
  HF_TRY(check(::mdb_stat(txn.get(), main, &stat)));
  MDB_val key = to_val(kFormatKey), value{};
  const int found = ::mdb_get(txn.get(), main, &key, &value);
  if (stat.ms_entries == 0 && writes) {
    value = to_val(kFormat);
    HF_TRY(check(::mdb_put(txn.get(), main, &key, &value, 0)));
  } else if (stat.ms_entries == 0) {
    return check(ENOENT);
  } else if (found != 0 || to_view(value) != kFormat) {
    return hf::fail(fmt::format(
        "greylist in {}: its format is \"{}\", this smtpgate knows \"{}\" only: run the version "
        "that wrote it, or move it and its -lock file away, a new greylist is then begun",
        path, found == 0 ? hf::printable(to_view(value)) : "unknown", kFormat));
  }
  for (const GreyTable table : kGreyTables) {
    const unsigned flags = writes ? MDB_CREATE : 0;
    HF_TRY(check(::mdb_dbi_open(txn.get(), kTableNames[table], flags, &records[table])));
    HF_TRY(check(::mdb_dbi_open(txn.get(), kAgeNames[table], flags, &ages[table])));
  }
  return commit(std::move(txn));
}

hf::Result<void> GreyStore::State::put(MDB_txn* txn, GreyTable table, const Entry& entry) const {
  const auto& [id, record] = entry;
  MDB_val key = to_val(view(id)), value{};
  const int code = ::mdb_get(txn, records[table], &key, &value);
  if (code != MDB_NOTFOUND) HF_TRY(check(code));
  const auto old = code == 0 ? decode_grey_record(to_view(value)) : std::nullopt;
  if (!old || since(table, *old) != since(table, record)) {
    if (old) HF_TRY(erase(txn, table, {id, *old}));
    const std::string age = age_key(since(table, record), id);
    MDB_val age_val = to_val(age), nothing{};
    HF_TRY(check(::mdb_put(txn, ages[table], &age_val, &nothing, 0)));
  }
  const auto bytes = encode(record);
  key = to_val(view(id));
  value = to_val({bytes.data(), bytes.size()});
  return check(::mdb_put(txn, records[table], &key, &value, 0));
}

hf::Result<void> GreyStore::State::put_times(MDB_txn* txn, const GreyTimes& now) const {
  const std::string bytes = big_endian(now.grey) + big_endian(static_cast<uint64_t>(now.wall));
  MDB_val key = to_val(kTimesKey), value = to_val(bytes);
  return check(::mdb_put(txn, main, &key, &value, 0));
}

hf::Result<void> GreyStore::State::erase(MDB_txn* txn, GreyTable table, const Entry& entry) const {
  const auto& [id, record] = entry;
  HF_TRY(remove(txn, records[table], view(id)));
  return remove(txn, ages[table], age_key(since(table, record), id));
}

hf::Result<size_t> GreyStore::State::erase_oldest(MDB_txn* txn, GreyTable table, uint32_t before,
                                                  uint64_t limit) const {
  MDB_cursor* cursor = nullptr;  // a write transaction ends its cursors
  HF_TRY(check(::mdb_cursor_open(txn, ages[table], &cursor)));
  size_t removed = 0;
  for (; removed < limit; ++removed) {
    MDB_val age{}, nothing{};
    const int code = ::mdb_cursor_get(cursor, &age, &nothing, MDB_FIRST);
    if (code == MDB_NOTFOUND) break;
    HF_TRY(check(code));
    const std::string_view bytes = to_view(age);
    HF_TRY(check(bytes.size() == kAgeBytes ? 0 : MDB_CORRUPTED));
    if (read_big_endian(bytes.substr(0, 4)) >= before) break;
    HF_TRY(remove(txn, records[table], bytes.substr(4)));
    HF_TRY(check(::mdb_cursor_del(cursor, 0)));
  }
  return removed;
}

hf::Result<void> GreyStore::State::make_room(MDB_txn* txn) const {
  uint64_t entries = 0;
  for (const GreyTable table : kGreyTables) entries += size(txn, table);
  for (const GreyTable table : kGreyTables) {  // mails come first
    if (entries <= max_entries) return {};
    HF_TRY_ASSIGN(const size_t removed,
                  erase_oldest(txn, table, UINT32_MAX, entries - max_entries));
    entries -= removed;
  }
  return {};
}

GreyStore::GreyStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
GreyStore::GreyStore(GreyStore&&) noexcept = default;
GreyStore& GreyStore::operator=(GreyStore&&) noexcept = default;
GreyStore::~GreyStore() = default;

hf::Result<GreyStore> GreyStore::open(const std::string& path, Mode mode, uint64_t max_entries) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->max_entries = max_entries;
  if (mode == Mode::kReadOnly && !has_store(path)) return hf::fail(lmdb_error(path, ENOENT));
  MDB_env* env = nullptr;
  HF_TRY(state->check(::mdb_env_create(&env)));
  state->env.reset(env);
  ::mdb_env_set_maxreaders(env, kMostReaders);
  ::mdb_env_set_maxdbs(env, 2 * kGreyTables.size());

  // Read-ahead would fill memory with pages that nobody asked for: look-ups are random.
  unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMETASYNC;
  if (mode == Mode::kReadOnly)
    flags |= MDB_RDONLY;  // the size of the map is the writer's
  else
    ::mdb_env_set_mapsize(env, kMapBytesLeast + max_entries * kMapBytesPerEntry);
  HF_TRY(state->check(::mdb_env_open(env, path.c_str(), flags, kFileMode)));
  ::mdb_reader_check(env, nullptr);  // readers that were killed hold pages back
  HF_TRY(state->open_tables(mode));
  return GreyStore(std::move(state));
}

// A cursor finds what is on the page where it stands without a descent from the root, and what is
// known of one mail lies side by side.
struct GreyStore::Reader::State {
  Txn txn;  // kept for its reader's slot, without a snapshot between begin() and end()
  GreyTables<Cursor> cursors;
  bool begun = false;
};

GreyStore::Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
GreyStore::Reader::Reader(Reader&&) noexcept = default;
GreyStore::Reader::~Reader() = default;

hf::Result<GreyStore::Reader> GreyStore::reader() const {
  auto reader = std::make_unique<Reader::State>();
  HF_TRY_ASSIGN(reader->txn, state_->begin(MDB_RDONLY));
  for (const GreyTable table : kGreyTables) {
    MDB_cursor* cursor = nullptr;
    HF_TRY(state_->check(::mdb_cursor_open(reader->txn.get(), state_->records[table], &cursor)));
    reader->cursors[table].reset(cursor);
  }
  ::mdb_txn_reset(reader->txn.get());
  return Reader(std::move(reader));
}

void GreyStore::Reader::begin() {
  state_->begun = ::mdb_txn_renew(state_->txn.get()) == 0;
  for (const Cursor& cursor : state_->cursors.of)
    if (state_->begun) ::mdb_cursor_renew(state_->txn.get(), cursor.get());
}

void GreyStore::Reader::end() {
  if (std::exchange(state_->begun, false)) ::mdb_txn_reset(state_->txn.get());
}

std::optional<GreyRecord> GreyStore::Reader::find(GreyTable table, const GreyId& id) {
  MDB_val key = to_val(view(id)), value{};
  if (!state_->begun ||
      ::mdb_cursor_get(state_->cursors[table].get(), &key, &value, MDB_SET_KEY) != 0)
    return std::nullopt;
  return decode_grey_record(to_view(value));
}

hf::Result<std::optional<GreyTimes>> GreyStore::times() const {
  HF_TRY_ASSIGN(const Txn txn, state_->begin(MDB_RDONLY));
  MDB_val key = to_val(kTimesKey), value{};
  const int code = ::mdb_get(txn.get(), state_->main, &key, &value);
  if (code == MDB_NOTFOUND || (code == 0 && value.mv_size != 12)) return std::optional<GreyTimes>();
  HF_TRY(state_->check(code));
  return GreyTimes{static_cast<uint32_t>(read_big_endian(to_view(value).substr(0, 4))),
                   static_cast<int64_t>(read_big_endian(to_view(value).substr(4)))};
}

// Scopes go before mails: were the process killed between, no mail would count as passed whose
// scope is not yet known.
hf::Result<void> GreyStore::write(const GreyBatch& batch, const GreyTimes& now) {
  ::mdb_reader_check(state_->env.get(), nullptr);
  for (const GreyTable table : {GreyTable::kKnown, GreyTable::kMails}) {
    std::vector<Entry> sorted(batch[table].begin(), batch[table].end());
    std::ranges::sort(sorted, {}, &Entry::first);
    for (size_t done = 0; done < sorted.size(); done += kCommitEntries) {
      HF_TRY_ASSIGN(Txn txn, state_->begin(0));
      const size_t count = std::min(kCommitEntries, sorted.size() - done);
      for (const Entry& entry : std::span(sorted).subspan(done, count))
        HF_TRY(state_->put(txn.get(), table, entry));
      HF_TRY(state_->make_room(txn.get()));
      HF_TRY(state_->put_times(txn.get(), now));
      HF_TRY(state_->commit(std::move(txn)));
    }
  }
  return {};
}

hf::Result<size_t> GreyStore::expire(GreyTable table, uint32_t from, size_t limit) {
  HF_TRY_ASSIGN(Txn txn, state_->begin(0));
  HF_TRY_ASSIGN(const size_t removed, state_->erase_oldest(txn.get(), table, from, limit));
  if (removed > 0) HF_TRY(state_->commit(std::move(txn)));
  return removed;
}

hf::Result<uint64_t> GreyStore::erase_if(GreyTable table,
                                         const std::function<bool(const Entry&)>& is_due) {
  uint64_t removed = 0;
  std::optional<GreyId> last;
  while (true) {
    HF_TRY_ASSIGN(auto slice, slice_after(table, last));
    if (slice.empty()) return removed;
    last = slice.back().first;
    std::erase_if(slice, [&](const Entry& entry) { return !is_due(entry); });
    if (slice.empty()) continue;
    HF_TRY_ASSIGN(Txn txn, state_->begin(0));
    for (const Entry& entry : slice) HF_TRY(state_->erase(txn.get(), table, entry));
    HF_TRY(state_->commit(std::move(txn)));
    removed += slice.size();
  }
}

hf::Result<uint64_t> GreyStore::clear(GreyTable table) {
  HF_TRY_ASSIGN(Txn txn, state_->begin(0));
  const uint64_t entries = state_->size(txn.get(), table);
  HF_TRY(state_->check(::mdb_drop(txn.get(), state_->records[table], 0)));
  HF_TRY(state_->check(::mdb_drop(txn.get(), state_->ages[table], 0)));
  HF_TRY(state_->commit(std::move(txn)));
  return entries;
}

hf::Result<std::vector<GreyStore::Entry>> GreyStore::slice_after(
    GreyTable table, const std::optional<GreyId>& last) const {
  HF_TRY_ASSIGN(const Txn txn, state_->begin(MDB_RDONLY));
  MDB_cursor* opened = nullptr;
  HF_TRY(state_->check(::mdb_cursor_open(txn.get(), state_->records[table], &opened)));
  const Cursor cursor(opened);
  std::vector<Entry> slice;
  MDB_val key = last ? to_val(view(*last)) : MDB_val{}, value{};
  int code = ::mdb_cursor_get(opened, &key, &value, last ? MDB_SET_RANGE : MDB_FIRST);
  for (; code == 0 && slice.size() < kSlice;
       code = ::mdb_cursor_get(opened, &key, &value, MDB_NEXT)) {
    const auto id = decode_id(to_view(key));
    const auto record = decode_grey_record(to_view(value));
    if (id && record && id != last) slice.emplace_back(*id, *record);
  }
  if (code != MDB_NOTFOUND) HF_TRY(state_->check(code));
  return slice;
}

hf::Result<void> GreyStore::for_each(GreyTable table,
                                     const std::function<bool(const Entry&)>& visit) const {
  std::optional<GreyId> last;
  while (true) {
    HF_TRY_ASSIGN(const auto slice, slice_after(table, last));
    if (slice.empty()) return {};
    for (const Entry& entry : slice)
      if (!visit(entry)) return {};
    last = slice.back().first;
  }
}

hf::Result<GreyTables<uint64_t>> GreyStore::sizes() const {
  HF_TRY_ASSIGN(const Txn txn, state_->begin(MDB_RDONLY));
  GreyTables<uint64_t> sizes;
  for (const GreyTable table : kGreyTables) sizes[table] = state_->size(txn.get(), table);
  return sizes;
}

}  // namespace smtpgate
