// SPDX-License-Identifier: Apache-2.0
//
// LMDB is a B+tree of pages that are copied when written; a commit is the switch to a new root.
// Readers never wait. A page that a commit replaced is used again as soon as no reader can see it,
// so the cost of holding a snapshot is a growing file: every read here is short.
//
// Room: an IPv4 client takes 60 bytes of a leaf page (8 of header, 2 of index, key, record), and
// random insertion leaves pages about 70 % full, so about 88 bytes a client in all.
//
// A reader who may not write to the lock file reads without it. The writer does not know of such a
// reader and may use a page again in the third commit from its snapshot on, so what was read counts
// only if there was at most one since, and is read again otherwise. On the way LMDB may come upon a
// page that makes no sense to it, which it asserts not to happen; its assertion then ends the
// attempt, not the program.
#include "smtpgate/history/store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csetjmp>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/core/text.h"
#include "smtpgate/history/lmdb.h"

namespace smtpgate {
namespace {

using namespace lmdb;

// A key that can be no client's, since it has neither 4 nor 8 bytes.
constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kFormat = "smtpgate history 1";

constexpr mdb_mode_t kFileMode = 0640;
constexpr unsigned kMostReaders = 1024;  // workers of the daemon, and every command that looks

// The map is address space, not disk. Leaves are at the worst a quarter full (256 bytes a client),
// and as much again is for the copies that commits make.
constexpr uint64_t kMapBytesPerClient = 512;
constexpr uint64_t kMapBytesLeast = 64ULL << 20;

// A look at this many clients takes some fifty microseconds.
constexpr size_t kSlice = 1000;

// Clients of one transaction: LMDB keeps memory for as many pages as the largest one changed.
constexpr size_t kCommitClients = 200;

/// The start of this process's mapping of a file; null if there is none. LMDB does not tell.
void* mapping_of(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return nullptr;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    // address-end permissions offset device inode path
    const auto fields = hf::split_blanks(line);
    if (fields.size() < 6 || fields[4] != std::to_string(st.st_ino) ||
        !fields[5].ends_with("/data.mdb"))
      continue;
    uintptr_t address = 0;
    std::from_chars(line.data(), line.data() + line.size(), address, 16);
    return reinterpret_cast<void*>(address);
  }
  return nullptr;
}

using Entry = std::pair<HistoryKey, HistoryRecord>;

/// What LMDB's code means for whoever runs the gate.
hf::Error lmdb_error(const std::string& path, int code) {
  return error_of(code, {.what = "history in " + path,
                         .when_full = "it has outgrown what `[history] max` allows for: raise that "
                                      "and restart, or end the program that has been reading it "
                                      "for long",
                         .when_damaged = "move its data.mdb and lock.mdb away, a new history is "
                                         "then begun",
                         .when_absent = "the gate makes it, if the folder that `[history] path` "
                                        "names is there"});
}

thread_local std::jmp_buf start_of_attempt;

[[noreturn]] void on_nonsense(MDB_env*, const char*) {
  std::longjmp(start_of_attempt, 1);
}

/// `read`, unless it ends early in nonsense.
template <class Read>
int attempt(const Read& read) {
  if (setjmp(start_of_attempt) != 0) return MDB_CORRUPTED;
  return read();
}

bool may_have_changed(MDB_txn* txn) {
  MDB_envinfo info{};
  ::mdb_env_info(::mdb_txn_env(txn), &info);
  return info.me_last_txnid > ::mdb_txn_id(txn) + 1;
}

/// Runs `read` on a snapshot in the reset transaction `txn`, and again if it was read without the
/// lock and may have changed. `read` may be left by a jump out of LMDB: nothing of its own may need
/// a destructor. Returns LMDB's code.
template <class Read>
int read_snapshot(MDB_txn* txn, bool locked, const Read& read) {
  while (true) {
    if (const int code = ::mdb_txn_renew(txn)) return code;
    const int code = locked ? read() : attempt(read);
    const bool valid = locked || !may_have_changed(txn);
    ::mdb_txn_reset(txn);
    if (valid) return code;
  }
}

/// Whether LMDB can take part in locking: it opens the lock file for writing even to read.
bool may_lock(const std::string& path) {
  return ::faccessat(AT_FDCWD, (path + "/lock.mdb").c_str(), R_OK | W_OK, AT_EACCESS) == 0;
}

bool has_store(const std::string& path) {
  struct stat info{};
  // An error other than absence is left for LMDB to report.
  if (::stat((path + "/data.mdb").c_str(), &info) != 0) return errno != ENOENT;
  return info.st_size > 0;
}

bool is_due(const HistoryRecord& record, int64_t now, int64_t keep_failed, int64_t keep_passed) {
  return now - record.last_seen > (record.handoffs > 0 ? keep_passed : keep_failed);
}

}  // namespace

struct HistoryStore::State {
  std::string path;
  Env env;
  MDB_dbi table = 0;
  bool locked = true;
  uint64_t most_clients = 0;  // above it none is added
  std::optional<HistoryKey> expired_to;
  void* map = nullptr;  // where LMDB has mapped the file, if that could be found out

  hf::Error error(int code) const { return lmdb_error(path, code); }

  hf::Result<Txn> begin(unsigned flags) const {
    MDB_txn* txn = nullptr;
    if (const int code = ::mdb_txn_begin(env.get(), nullptr, flags, &txn))
      return hf::fail(error(code));
    return Txn(txn);
  }

  hf::Result<void> commit(Txn txn) const {
    if (const int code = ::mdb_txn_commit(txn.release())) return hf::fail(error(code));
    return {};
  }

  uint64_t clients() const {
    MDB_stat stat{};
    ::mdb_env_stat(env.get(), &stat);
    return stat.ms_entries > 0 ? stat.ms_entries - 1 : 0;  // but the format
  }

  hf::Result<size_t> put(std::span<const Batch::value_type* const> entries);
  hf::Result<void> check_format(Mode mode);
  hf::Result<std::vector<Entry>> slice_after(const std::optional<HistoryKey>& last,
                                             size_t limit) const;
};

hf::Result<void> HistoryStore::State::check_format(Mode mode) {
  std::string format;
  size_t entries = 0;
  {
    HF_TRY_ASSIGN(const Txn txn, begin(MDB_RDONLY));
    if (const int code = ::mdb_dbi_open(txn.get(), nullptr, 0, &table))
      return hf::fail(error(code));
    ::mdb_txn_reset(txn.get());
    const int code = read_snapshot(txn.get(), locked, [&] {
      MDB_stat stat{};
      if (const int failed = ::mdb_stat(txn.get(), table, &stat)) return failed;
      entries = stat.ms_entries;
      MDB_val key = to_val(kFormatKey), value{};
      const int got = ::mdb_get(txn.get(), table, &key, &value);
      format = got == 0 ? to_view(value) : "unknown";
      return got;
    });
    if (code != 0 && code != MDB_NOTFOUND) return hf::fail(error(code));
  }
  if (format == kFormat) return {};
  if (entries > 0)
    return hf::fail(fmt::format(
        "history in {}: its format is \"{}\", this smtpgate knows \"{}\" only: run the version "
        "that wrote it, or move its data.mdb and lock.mdb away, a new history is then begun",
        path, hf::printable(format), kFormat));
  if (mode == Mode::kReadOnly) return hf::fail(error(ENOENT));
  HF_TRY_ASSIGN(Txn txn, begin(0));
  MDB_val key = to_val(kFormatKey), value = to_val(kFormat);
  if (const int code = ::mdb_put(txn.get(), table, &key, &value, 0)) return hf::fail(error(code));
  return commit(std::move(txn));
}

/// Up to `limit` clients that follow `last` in key order, or the first ones. One snapshot.
hf::Result<std::vector<Entry>> HistoryStore::State::slice_after(
    const std::optional<HistoryKey>& last, size_t limit) const {
  HF_TRY_ASSIGN(const Txn txn, begin(MDB_RDONLY));
  ::mdb_txn_reset(txn.get());
  Cursor at;
  std::vector<Entry> slice;
  slice.reserve(limit);
  const int code = read_snapshot(txn.get(), locked, [&] {
    slice.clear();
    MDB_cursor* cursor = nullptr;
    if (const int failed = ::mdb_cursor_open(txn.get(), table, &cursor)) return failed;
    at.reset(cursor);
    MDB_val key = last ? to_val(last->view()) : MDB_val{}, value{};
    int step = ::mdb_cursor_get(cursor, &key, &value, last ? MDB_SET_RANGE : MDB_FIRST);
    if (step == 0 && last && to_view(key) == last->view())
      step = ::mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    while (step == 0 && slice.size() < limit) {
      const auto client = HistoryKey::decode(to_view(key));
      const auto record = decode_record(to_view(value));
      if (client && record) slice.emplace_back(*client, *record);
      step = ::mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    return step;
  });
  if (code != 0 && code != MDB_NOTFOUND) return hf::fail(error(code));
  return slice;
}

HistoryStore::HistoryStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
HistoryStore::HistoryStore(HistoryStore&&) noexcept = default;
HistoryStore& HistoryStore::operator=(HistoryStore&&) noexcept = default;
HistoryStore::~HistoryStore() = default;

hf::Result<HistoryStore> HistoryStore::open(const std::string& path, Mode mode,
                                            uint64_t max_clients) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->most_clients = max_clients + max_clients / 4;
  MDB_env* env = nullptr;
  if (const int code = ::mdb_env_create(&env)) return hf::fail(state->error(code));
  state->env.reset(env);
  ::mdb_env_set_maxreaders(env, kMostReaders);

  // Read-ahead would fill memory with pages that nobody asked for: look-ups are random.
  unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMETASYNC;
  if (mode == Mode::kReadOnly) {
    if (!has_store(path)) return hf::fail(state->error(ENOENT));
    state->locked = may_lock(path);
    flags |= MDB_RDONLY;  // the size of the map is the writer's
    if (!state->locked) {
      flags |= MDB_NOLOCK;
      ::mdb_env_set_assert(env, on_nonsense);
    }
  } else {
    ::mdb_env_set_mapsize(env, kMapBytesLeast + state->most_clients * kMapBytesPerClient);
  }
  if (const int code = ::mdb_env_open(env, path.c_str(), flags, kFileMode))
    return hf::fail(state->error(code));
  ::mdb_reader_check(env, nullptr);  // readers that were killed hold pages back
  if (mode == Mode::kReadWrite) state->map = mapping_of(path + "/data.mdb");
  HF_TRY(state->check_format(mode));
  return HistoryStore(std::move(state));
}

struct HistoryStore::Reader::State {
  Txn txn;  // kept for its reader's slot, without a snapshot between look-ups
  MDB_dbi table;
  bool locked;
};

HistoryStore::Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
HistoryStore::Reader::Reader(Reader&&) noexcept = default;
HistoryStore::Reader::~Reader() = default;

hf::Result<HistoryStore::Reader> HistoryStore::reader() const {
  HF_TRY_ASSIGN(Txn txn, state_->begin(MDB_RDONLY));
  ::mdb_txn_reset(txn.get());
  return Reader(std::make_unique<Reader::State>(
      Reader::State{std::move(txn), state_->table, state_->locked}));
}

std::optional<HistoryRecord> HistoryStore::Reader::find(const HistoryKey& key) {
  MDB_txn* const txn = state_->txn.get();
  std::optional<HistoryRecord> record;
  read_snapshot(txn, state_->locked, [&] {
    MDB_val name = to_val(key.view()), value{};
    const int code = ::mdb_get(txn, state_->table, &name, &value);
    record = code == 0 ? decode_record(to_view(value)) : std::nullopt;
    return code;
  });
  return record;
}

hf::Result<void> HistoryStore::commit(const Batch& batch) {
  ::mdb_reader_check(state_->env.get(), nullptr);
  std::vector<const Batch::value_type*> sorted;
  sorted.reserve(batch.size());
  for (const auto& entry : batch) sorted.push_back(&entry);
  std::ranges::sort(sorted, {}, [](const auto* entry) -> const auto& { return entry->first; });

  const uint64_t before = state_->clients();
  size_t left_out = 0;
  for (size_t done = 0; done < sorted.size(); done += kCommitClients) {
    const size_t count = std::min(kCommitClients, sorted.size() - done);
    HF_TRY_ASSIGN(const size_t skipped, state_->put(std::span(sorted).subspan(done, count)));
    left_out += skipped;
  }
  if (left_out > 0)
    return hf::fail(
        fmt::format("history in {}: full with {} clients, so {} new ones are not remembered: raise "
                    "`[history] max` and restart, or keep clients for less long",
                    state_->path, before, left_out));
  return {};
}

/// One transaction. Returns how many new clients there was no room for.
hf::Result<size_t> HistoryStore::State::put(std::span<const Batch::value_type* const> entries) {
  HF_TRY_ASSIGN(Txn txn, begin(0));
  MDB_cursor* cursor = nullptr;  // a write transaction ends its cursors
  if (const int code = ::mdb_cursor_open(txn.get(), table, &cursor)) return hf::fail(error(code));
  uint64_t room = most_clients - std::min(clients(), most_clients);
  const bool scarce = room < entries.size();
  size_t left_out = 0;
  for (const auto* entry : entries) {
    MDB_val key = to_val(entry->first.view()), value{};
    if (scarce && ::mdb_cursor_get(cursor, &key, &value, MDB_SET) == MDB_NOTFOUND) {
      if (room == 0) {
        ++left_out;
        continue;
      }
      --room;
    }
    const auto bytes = encode(entry->second);
    key = to_val(entry->first.view());
    value = to_val({bytes.data(), bytes.size()});
    if (const int code = ::mdb_cursor_put(cursor, &key, &value, 0)) return hf::fail(error(code));
  }
  HF_TRY(commit(std::move(txn)));
  return left_out;
}

void HistoryStore::release_memory() const {
  MDB_envinfo info{};
  ::mdb_env_info(state_->env.get(), &info);
  // Of a shared file mapping this drops no data: the pages are the file's.
  if (state_->map != nullptr) ::madvise(state_->map, info.me_mapsize, MADV_DONTNEED);
}

hf::Result<bool> HistoryStore::erase(const HistoryKey& key) {
  HF_TRY_ASSIGN(Txn txn, state_->begin(0));
  MDB_val name = to_val(key.view());
  const int code = ::mdb_del(txn.get(), state_->table, &name, nullptr);
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return hf::fail(state_->error(code));
  HF_TRY(state_->commit(std::move(txn)));
  return true;
}

hf::Result<void> HistoryStore::for_each(
    const std::function<bool(const HistoryKey&, const HistoryRecord&)>& visit) const {
  std::optional<HistoryKey> last;
  while (true) {
    HF_TRY_ASSIGN(const auto slice, state_->slice_after(last, kSlice));
    if (slice.empty()) return {};
    for (const auto& [key, record] : slice)
      if (!visit(key, record)) return {};
    last = slice.back().first;
  }
}

// Too many clients shorten both keeping times, so that growth meets expiry half-way: at an eighth
// above the limit those never handed off go as soon as they are looked at, at a quarter all do.
hf::Result<size_t> HistoryStore::expire_some(const Expiry& rules, int64_t now, size_t limit) {
  HF_TRY_ASSIGN(const auto slice, state_->slice_after(state_->expired_to, limit));
  state_->expired_to.reset();
  if (slice.size() == limit) state_->expired_to = slice.back().first;

  const uint64_t clients = state_->clients();
  double excess = 0;  // 1 at a quarter above the limit
  if (clients > rules.max_clients)
    excess = std::min(1.0, 4.0 * static_cast<double>(clients - rules.max_clients) /
                               static_cast<double>(std::max<uint64_t>(rules.max_clients, 1)));
  const auto keep_failed =
      static_cast<int64_t>(rules.keep_failed_s * std::max(0.0, 1 - 2 * excess));
  const auto keep_passed = static_cast<int64_t>(rules.keep_passed_s * (1 - excess));

  size_t removed = 0;
  Txn txn;
  for (const auto& [key, record] : slice) {
    if (!is_due(record, now, keep_failed, keep_passed)) continue;
    if (!txn) {
      HF_TRY_ASSIGN(txn, state_->begin(0));
    }
    MDB_val name = to_val(key.view());
    const int code = ::mdb_del(txn.get(), state_->table, &name, nullptr);
    if (code == 0) ++removed;
    if (code != 0 && code != MDB_NOTFOUND) return hf::fail(state_->error(code));
  }
  if (txn) HF_TRY(state_->commit(std::move(txn)));
  return removed;
}

HistoryStore::Size HistoryStore::size() const {
  MDB_stat stat{};
  ::mdb_env_stat(state_->env.get(), &stat);
  const uint64_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
  return {state_->clients(), pages * stat.ms_psize};
}

}  // namespace smtpgate
