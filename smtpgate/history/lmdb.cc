// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/history/lmdb.h"

#include <cerrno>

#include <fmt/format.h>

namespace smtpgate::lmdb {

hf::Error error_of(int code, const Remedies& store) {
  auto with = [&](std::string_view remedy) {
    return hf::Error{fmt::format("{}: {}: {}", store.what, ::mdb_strerror(code), remedy),
                     code > 0 ? code : 0};
  };
  switch (code) {
    case MDB_MAP_FULL: return with(store.when_full);
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_VERSION_MISMATCH: return with(store.when_damaged);
    case MDB_READERS_FULL: return with("too many commands are reading it at this moment");
    case MDB_PANIC: return with("an earlier write failed half-way; restart the gate");
    case EIO:  // also what LMDB calls a write that was cut short
    case EFBIG:
    case EDQUOT:
    case ENOSPC:
      return with(
          "its disk is full or failing: make room there; all that was committed before is kept");
    case EACCES:
    case EPERM: return with("run as the user who owns it, or give that user its files");
    case ENOENT: return with(store.when_absent);
    default: return with("see whether the folder and its disk are in order");
  }
}

}  // namespace smtpgate::lmdb
