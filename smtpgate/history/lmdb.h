// SPDX-License-Identifier: Apache-2.0
// What every store in LMDB needs: handles with owners, byte ranges as views, errors with a remedy.
// For their .cc files only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <lmdb.h>

#include "base/core/result.h"

namespace smtpgate::lmdb {

inline MDB_val to_val(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // LMDB does not write through it
}

inline std::string_view to_view(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

struct CloseEnv {
  void operator()(MDB_env* env) const { ::mdb_env_close(env); }
};
struct AbortTxn {
  void operator()(MDB_txn* txn) const { ::mdb_txn_abort(txn); }
};
struct CloseCursor {
  void operator()(MDB_cursor* cursor) const { ::mdb_cursor_close(cursor); }
};
using Env = std::unique_ptr<MDB_env, CloseEnv>;
using Txn = std::unique_ptr<MDB_txn, AbortTxn>;
using Cursor = std::unique_ptr<MDB_cursor, CloseCursor>;

/// A store, and what to do about what can go wrong with it.
struct Remedies {
  std::string what;  // "history in /var/lib/smtpgate"
  std::string_view when_full;
  std::string_view when_damaged;
  std::string_view when_absent;
};
/// What LMDB's code means for whoever runs the gate. `sys` is the errno, if it was one.
hf::Error error_of(int code, const Remedies& store);

}  // namespace smtpgate::lmdb
