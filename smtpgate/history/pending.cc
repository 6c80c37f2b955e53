// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/history/pending.h"

#include <utility>

namespace smtpgate {

HistoryRecord PendingHistory::get(const HistoryKey& key, HistoryStore::Reader& store) const {
  if (const auto found = pending_.find(key); found != pending_.end()) return found->second;
  if (in_flight_)
    if (const auto found = in_flight_->find(key); found != in_flight_->end()) return found->second;
  return store.find(key).value_or(HistoryRecord{});
}

std::shared_ptr<const HistoryStore::Batch> PendingHistory::take_batch() {
  if (pending_.empty() || in_flight_) return nullptr;
  in_flight_ = std::make_shared<const HistoryStore::Batch>(std::exchange(pending_, {}));
  return in_flight_;
}

}  // namespace smtpgate
