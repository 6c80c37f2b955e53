// SPDX-License-Identifier: Apache-2.0
//
// The history of every client, in LMDB: one record a client, read by any number of threads and
// processes without locks, written by one thread of the daemon once a second.
//
// Safety: what a second brings is written in transactions of some hundred records. The environment
// runs with MDB_NOMETASYNC: a killed process loses at most what was not yet committed, a power cut
// at most the last commit, and the file is whole after either. Layout: docs/formats.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/core/result.h"
#include "smtpgate/history/record.h"

namespace smtpgate {

class HistoryStore {
 public:
  enum class Mode : uint8_t { kReadOnly, kReadWrite };
  using Batch = std::unordered_map<HistoryKey, HistoryRecord>;

  /// Opens or (kReadWrite) creates the store in the folder `path`, sized for `max_clients`.
  /// kReadOnly on a folder without a store is an error whose `sys` is ENOENT.
  static hf::Result<HistoryStore> open(const std::string& path, Mode mode, uint64_t max_clients);
  HistoryStore(HistoryStore&&) noexcept;
  HistoryStore& operator=(HistoryStore&&) noexcept;
  ~HistoryStore();

  /// A thread's own way in. Must not outlive the store, nor move between threads.
  class Reader {
   public:
    Reader(Reader&&) noexcept;
    ~Reader();
    std::optional<HistoryRecord> find(const HistoryKey& key);

   private:
    friend class HistoryStore;
    struct State;
    explicit Reader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };
  hf::Result<Reader> reader() const;

  /// Writes `batch` in key order, in transactions of some hundred records; on an error, what came
  /// before it stays.
  /// A quarter above the `max_clients` of open() no client is added: those already known are still
  /// written, and the error tells how many were left out. After any other error none is written.
  hf::Result<void> commit(const Batch& batch);
  /// Removes one client; false if it was not there.
  hf::Result<bool> erase(const HistoryKey& key);
  /// Calls `visit` for every client in key order until it returns false. No snapshot is held while
  /// it runs, so a slow visitor costs the daemon nothing; what changes meanwhile may be seen or
  /// not.
  hf::Result<void> for_each(
      const std::function<bool(const HistoryKey&, const HistoryRecord&)>& visit) const;

  struct Expiry {
    uint32_t keep_failed_s = 30 * 86400;  // since last seen, for clients never handed off
    uint32_t keep_passed_s = 90 * 86400;
    uint64_t max_clients = 5'000'000;  // above it, what was seen longest ago goes earlier
  };
  /// Looks at up to `limit` clients from where the last call stopped, and removes those that are
  /// due. A call ends with the last client; the next one begins again. Returns how many were
  /// removed.
  hf::Result<size_t> expire_some(const Expiry& rules, int64_t now, size_t limit);

  /// Unmaps the pages that this process has looked at. They stay in the system's file cache, from
  /// where a later look-up has them back at the cost of a page fault.
  void release_memory() const;

  struct Size {
    uint64_t clients = 0;
    uint64_t bytes = 0;  // of pages in use
  };
  Size size() const;

 private:
  struct State;
  explicit HistoryStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate
