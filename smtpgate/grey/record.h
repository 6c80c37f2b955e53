// SPDX-License-Identifier: Apache-2.0
//
// What the greylist remembers, and the keyed hashes it is remembered by.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/net/ip.h"

namespace smtpgate {

enum class GreyScopeKind : uint8_t { kSpf, kPtr, kNet };  // stored: append only
/// "spf", "ptr", "net".
std::string_view name_of(GreyScopeKind kind);
/// The kind of a scope of scopes_of().
GreyScopeKind kind_of(std::string_view scope);

/// One mail under one scope, or one known-good scope. On disk it is exactly this, little-endian and
/// packed, 23 bytes. Times are of the greylist's own clock (GreyTime).
struct GreyRecord {
  uint32_t first = 0;   // seconds: the first try, or when it became known
  uint32_t last = 0;    // the last try, or the last use (to a thousandth of its keeping time)
  uint32_t passed = 0;  // when it was let in; 0: it waits
  uint16_t tries = 0;   // saturating
  GreyScopeKind kind = GreyScopeKind::kNet;
  uint64_t client = 0;  // client_id() of the last to try, or of who made the scope known

  bool operator==(const GreyRecord&) const = default;
};

inline constexpr size_t kGreyRecordBytes = 23;
std::array<char, kGreyRecordBytes> encode(const GreyRecord& record);
/// nullopt: not a record of this format.
std::optional<GreyRecord> decode_grey_record(std::string_view bytes);

/// A hash that nobody without the secret can make or look up.
using GreyId = std::array<uint8_t, 16>;
struct GreyIdHash {
  size_t operator()(const GreyId& id) const noexcept {
    uint64_t halves[2];  // either may be shared by many
    std::memcpy(halves, id.data(), sizeof halves);
    return halves[0] ^ halves[1];
  }
};
/// The first half, for where a collision only blurs a report.
uint64_t short_id(const GreyId& id);

/// A mail under a scope: half of either's id, the mail's first, so that what is known of one mail
/// lies side by side on disk.
GreyId try_id(const GreyId& mail, const GreyId& scope);

/// The secret of one greylist, and what is hashed with it: SipHash-2-4 of 128 bits, so that the
/// files without the key tell no address of anybody.
class GreyKey {
 public:
  /// Reads `path`, of 16 bytes. A file that is not there is an error whose `sys` is ENOENT.
  static hf::Result<GreyKey> read(const std::string& path);
  /// As read(), but makes the file, for its owner only, if it is not there.
  static hf::Result<GreyKey> read_or_make(const std::string& path);

  GreyId scope_id(std::string_view scope) const;
  /// Of a normalised sender and recipient.
  GreyId mail_id(std::string_view sender, std::string_view recipient) const;
  uint64_t client_id(const hf::IpAddress& client) const;

 private:
  GreyId hash(std::string_view bytes) const;
  std::array<uint8_t, 16> secret_{};
};

}  // namespace smtpgate
