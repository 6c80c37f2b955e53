// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "smtpgate/history/store.h"

namespace smtpgate {

/// What a worker has learnt of its clients and the store does not yet hold. It belongs to the
/// worker's thread, and what was put is what is got, from the moment of the put: first from here,
/// then from the batch that is being committed, then from the store.
class PendingHistory {
 public:
  /// The newest record of `key`; a default record for a client never seen.
  HistoryRecord get(const HistoryKey& key, HistoryStore::Reader& store) const;
  void put(const HistoryKey& key, const HistoryRecord& record) { pending_[key] = record; }

  /// All that was put since the last call, for the thread that commits. nullptr: nothing was, or
  /// the last batch is still being committed.
  std::shared_ptr<const HistoryStore::Batch> take_batch();
  /// The last batch is in the store, or its commit failed and its records are lost.
  void committed() { in_flight_.reset(); }

 private:
  HistoryStore::Batch pending_;
  std::shared_ptr<const HistoryStore::Batch> in_flight_;
};

}  // namespace smtpgate
