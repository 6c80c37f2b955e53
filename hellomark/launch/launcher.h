// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/core/result.h"
#include "hellomark/launcher/protocol.h"

namespace hellomark {

/// A program with its arguments. `path` is absolute; `argv` begins with the program's own name.
struct Command {
  std::string path;
  std::vector<std::string> argv;
};

/// The command for `argv`, its program looked up as a shell would. The error says what is wrong
/// with it: not found, no program, not executable.
hf::Result<Command> find_command(std::vector<std::string> argv);
/// The floor program: a path that lives as long as this process.
hf::Result<Command> floor_command();

struct LauncherOptions {
  enum class Output : uint8_t { kPipe, kNull, kInherit, kFile };
  Output output = Output::kPipe;  // only kPipe tells the first byte
  std::string output_file;        // of kFile; emptied before each run
  std::string input_file;         // read from its start by each run; empty: /dev/null
  std::string directory;          // where commands run; empty: here
  bool show_errors = false;       // their stderr is ours, else /dev/null
  std::optional<int> pin_cpu;     // launcher and commands run on this processor only
  bool aslr = true;               // false: addresses are the same in each run
};

/// The launcher process and the commands it knows. All commands run in process groups of their
/// own; none outlives the Launcher.
class Launcher {
 public:
  static hf::Result<Launcher> start(std::span<const Command> commands,
                                    const LauncherOptions& options);
  Launcher(Launcher&&) noexcept;
  Launcher& operator=(Launcher&&) noexcept;
  ~Launcher();

  /// Looks at the processes of a traced run while it goes on; a look that returns false ends it.
  struct Watcher {
    std::function<bool(std::span<const pid_t> live)> look;
    int64_t period_ns = 1'000'000;
  };
  /// Does the runs in this order, at most kMaxBatch, and returns a record for each that was begun.
  /// An interrupt (interrupt.h) ends the batch early, the last record then says `stopped`. The
  /// records stay until the next call.
  hf::Result<std::span<const RunRecord>> run(std::span<const RunRequest> requests,
                                             const Watcher* watcher = nullptr);

  /// Whether traced runs are to keep their memory map, and the last one's (text of proc(5) maps).
  void want_maps(bool want);
  std::string maps() const;

 private:
  struct State;
  explicit Launcher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hellomark
