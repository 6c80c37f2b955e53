// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/core/result.h"
#include "smtpgate/lists/list_values.h"
#include "smtpgate/lists/name_table.h"
#include "smtpgate/lists/range_table.h"
#include "smtpgate/lists/rbldnsd_zone.h"

namespace smtpgate {

/// What a zone file says, before overlaps are settled.
struct RbldnsdContents {
  ListValues values;
  std::vector<LevelledRange> ranges;  // ip4set, ip4trie
  NameTable names;                    // dnset; sealed
  size_t entries = 0;
};

/// An error names `file_name` and the line.
hf::Result<RbldnsdContents> read_rbldnsd(std::string_view text, RbldnsdZone::Format format,
                                         std::string_view file_name);

}  // namespace smtpgate
