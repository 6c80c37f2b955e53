// SPDX-License-Identifier: Apache-2.0
//
// Pictures are drawn by gnuplot, which reads a script with the figures inside from its input.
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "base/core/text.h"
#include "base/os/fd.h"
#include "hellomark/report/formats.h"

namespace hellomark {
namespace {

/// A name as a string in gnuplot's single quotes. What could end them, be an escape or run a
/// command is replaced by what looks alike.
std::string quoted(const std::string& name) {
  std::string out = "'";
  for (const char c : hf::printable(name, 40)) {
    if (c == '\'' || c == '`')
      out += "\u2019";
    else
      out += c == '\\' ? '/' : c;
  }
  return out + "'";
}

std::string script_of_runs(const Report& report) {
  std::vector<const Row*> rows;
  for (const Row& row : report.rows)
    if (!row.runs.empty()) rows.push_back(&row);
  std::string script =
      "set logscale x\nset xlabel 'milliseconds: quartiles, median with its 95 % interval'\n"
      "set grid x\nset key off\nset style fill solid 0.4\n";
  script += fmt::format("set yrange [{}:-0.6]\nset ytics noenhanced (", double(rows.size()) - 0.4);
  std::string box, medians;
  for (size_t i = 0; i < rows.size(); ++i) {
    script += fmt::format("{}{} {}", i == 0 ? "" : ", ", quoted(rows[i]->name), i);
    const hf::Summary wall = hf::summarize(series(*rows[i], wall_seconds));
    box += fmt::format("{0} {1} {2} {3} {4} {5}\n", wall.median * 1e3, i, wall.q1 * 1e3,
                       wall.q3 * 1e3, double(i) - 0.3, double(i) + 0.3);
    medians += fmt::format("{} {} {} {}\n", wall.median * 1e3, i, wall.median_95.low * 1e3,
                           wall.median_95.high * 1e3);
  }
  return script + ")\n$box << E\n" + box + "E\n$medians << E\n" + medians +
         "E\nplot $box with boxxyerror, $medians with xerrorbars pt 7 lw 2\n";
}

std::string script_of_timelines(const Report& report) {
  std::string script =
      "set xlabel 'seconds'\nset ylabel 'MiB resident'\nset grid\n"
      "set key outside noenhanced\nset xrange [0:]\nset yrange [0:]\n";
  std::string plot = "plot ";
  size_t nth = 0;
  for (const Row& row : report.rows) {
    if (row.timelines.empty() || row.timelines.front().samples.empty()) continue;
    script += fmt::format("$row{} << E\n", nth);
    for (const Sample& sample : row.timelines.front().samples)
      script += fmt::format("{} {}\n", sample.seconds, double(sample.resident_bytes) / (1 << 20));
    script += "E\n";
    plot += fmt::format("{}$row{} with lines lw 1.5 title {}", nth == 0 ? "" : ", ", nth,
                        quoted(row.name));
    ++nth;
  }
  return nth == 0 ? std::string() : script + plot + "\n";
}

}  // namespace

hf::Result<void> draw_picture(const Report& report, const std::string& path) {
  const bool svg = path.ends_with(".svg");
  if (!svg && !path.ends_with(".png"))
    return hf::fail(fmt::format("{}: a picture ends in .svg or .png", path));
  std::string script = report.kind == "memory" || report.kind == "alloc"
                           ? script_of_timelines(report)
                           : script_of_runs(report);
  if (script.empty()) return hf::fail("there is nothing to draw");
  const size_t height = 140 + 26 * std::max<size_t>(report.rows.size(), 12);
  script = fmt::format("set terminal {} size 1000,{}\n",
                       svg ? "svg background 'white'" : "pngcairo", height) +
           script;

  const hf::Fd input(::memfd_create("gnuplot", MFD_CLOEXEC));
  if (!input || ::write(input.get(), script.data(), script.size()) != ssize_t(script.size()) ||
      ::lseek(input.get(), 0, SEEK_SET) != 0)
    return hf::fail(hf::sys_error("writing the script for gnuplot"));
  const hf::Fd output(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!output) return hf::fail(hf::sys_error("writing " + path));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
  char name[] = "gnuplot";
  char* argv[] = {name, nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, name, &actions, nullptr, argv, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    return hf::fail(hf::sys_error("starting gnuplot (apt-get install gnuplot-nox)", error));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (status != 0) return hf::fail("gnuplot could not draw " + path);
  return {};
}

}  // namespace hellomark
