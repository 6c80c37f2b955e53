// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "base/os/fd.h"
#include "base/os/file.h"
#include "smtpgate/lists/cidr_list.h"
#include "smtpgate/lists/rbldnsd_zone.h"
#include "smtpgate/policy/config.h"
#include "smtpgate/policy/facts.h"
#include "smtpgate/spf/provider_nets.h"

namespace smtpgate {

/// How list files are opened: directly, or by the master on the gate's behalf.
using FileOpener = std::function<hf::Result<hf::Fd>(const std::string& path)>;
hf::Result<hf::Fd> open_directly(const std::string& path);

/// A configuration together with the lists that its files hold: immutable once loaded, shared by
/// all workers, replaced as a whole by a reload.
class Ruleset {
 public:
  static hf::Result<std::shared_ptr<const Ruleset>> load(Config config, const FileOpener& open);

  const Config config;

  /// Fills `allowed`, `denied` and `access_note`.
  void look_up_access(Facts& facts, int64_t now) const;
  /// Sets every list's fact: local files are answered at once, DNS zones stay kNotAsked.
  void look_up_local_lists(Facts& facts) const;
  /// Whether list `index` is asked by DNS about this client.
  bool asks_dns(size_t index, const hf::IpAddress& client) const;
  /// Sets the facts of dnset files, which list names: to be called whenever facts.rdns changes.
  void look_up_name(Facts& facts) const;
  /// Fills `provider`.
  void look_up_provider(Facts& facts) const;
  /// Whether any list or the reverse name is ever looked at.
  bool has_dns_tests() const;
  /// Whether some list can speak for a client (has a negative weight).
  bool has_allow_scores() const;

  /// One file that the ruleset was made from.
  struct Source {
    std::string path;
    size_t entries = 0;
    hf::FileStamp stamp;
  };
  const std::vector<Source>& sources() const { return sources_; }
  /// Whether any of the files is no longer as it was read.
  bool files_changed(const FileOpener& open) const;

 private:
  explicit Ruleset(Config c) : config(std::move(c)) {}
  hf::Result<std::string> read(const std::string& path, const FileOpener& open);
  hf::Result<std::vector<CidrList>> read_cidr_lists(const std::vector<std::string>& paths,
                                                    const FileOpener& open);

  hf::Result<void> read_providers(const FileOpener& open);

  std::vector<CidrList> allow_, deny_;
  ProviderTable providers_;
  std::vector<std::optional<RbldnsdZone>> zones_;  // parallel to config.lists; only for files
  std::vector<Source> sources_;
};

}  // namespace smtpgate
