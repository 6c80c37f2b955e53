// SPDX-License-Identifier: Apache-2.0
//
// The greylist on disk: two tables in one LMDB file, each with an index by age, so that what is due
// is found without looking at what is not. One thread writes, any number of threads and processes
// read. Layout: store.cc.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/core/result.h"
#include "smtpgate/grey/record.h"
#include "smtpgate/grey/time.h"

namespace smtpgate {

enum class GreyTable : uint8_t {
  kMails,  // by try_id(): a mail under one scope; its age counts from the first try
  kKnown,  // by scope_id(): known-good; its age counts from the last use
};
inline constexpr std::array kGreyTables = {GreyTable::kMails, GreyTable::kKnown};

/// One value for each table.
template <class T>
struct GreyTables {
  T& operator[](GreyTable table) { return of[static_cast<size_t>(table)]; }
  const T& operator[](GreyTable table) const { return of[static_cast<size_t>(table)]; }
  std::array<T, kGreyTables.size()> of{};
};

/// What is to be written. Its records lie in memory of their own, which goes back whole.
class GreyBatch {
 public:
  using Records = std::pmr::unordered_map<GreyId, GreyRecord, GreyIdHash>;
  Records& operator[](GreyTable table) { return tables_[table]; }
  const Records& operator[](GreyTable table) const { return tables_[table]; }
  bool empty() const { return std::ranges::all_of(tables_.of, &Records::empty); }

 private:
  std::pmr::monotonic_buffer_resource memory_;
  GreyTables<Records> tables_{{Records(&memory_), Records(&memory_)}};
};

class GreyStore {
 public:
  enum class Mode : uint8_t { kReadOnly, kReadWrite };
  using Entry = std::pair<GreyId, GreyRecord>;

  /// Opens or (kReadWrite) creates `path`. It will hold at most `max_entries` (for kReadOnly of no
  /// meaning). kReadOnly without such a file is an error whose `sys` is ENOENT.
  static hf::Result<GreyStore> open(const std::string& path, Mode mode, uint64_t max_entries);
  GreyStore(GreyStore&&) noexcept;
  GreyStore& operator=(GreyStore&&) noexcept;
  ~GreyStore();

  /// A way in for look-ups, for one thread at a time. Must not outlive the store.
  class Reader {
   public:
    Reader(Reader&&) noexcept;
    ~Reader();
    /// Look-ups between begin() and end() see one state of the store. Keep it short: pages that a
    /// reader may still see are not used again, so the file grows.
    void begin();
    void end();
    std::optional<GreyRecord> find(GreyTable table, const GreyId& id);

   private:
    friend class GreyStore;
    struct State;
    explicit Reader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };
  hf::Result<Reader> reader() const;

  /// Both clocks at the last write(); nullopt before the first.
  hf::Result<std::optional<GreyTimes>> times() const;
  /// Writes `batch`, of which no time is after `now`, in transactions of some hundred records. What
  /// `max_entries` leaves no room for goes: first the mails tried first longest ago, then the
  /// scopes not used for longest.
  hf::Result<void> write(const GreyBatch& batch, const GreyTimes& now);
  /// Removes up to `limit` entries of `table` whose age counts from before `from`. Returns how
  /// many.
  hf::Result<size_t> expire(GreyTable table, uint32_t from, size_t limit);
  /// Removes the entries for which `is_due`. Reads the whole table. Returns how many.
  hf::Result<uint64_t> erase_if(GreyTable table, const std::function<bool(const Entry&)>& is_due);
  /// Empties `table`. Returns how many entries it had.
  hf::Result<uint64_t> clear(GreyTable table);

  /// Calls `visit` for every entry until it returns false; no snapshot is held meanwhile.
  hf::Result<void> for_each(GreyTable table, const std::function<bool(const Entry&)>& visit) const;
  hf::Result<GreyTables<uint64_t>> sizes() const;

 private:
  struct State;
  explicit GreyStore(std::unique_ptr<State> state);
  /// Up to some number of entries that follow `last` in the order of ids, or the first ones.
  hf::Result<std::vector<Entry>> slice_after(GreyTable table,
                                             const std::optional<GreyId>& last) const;
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate
