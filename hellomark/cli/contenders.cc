// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "hellomark/cli/options.h"
#include "hellomark/launch/words.h"

namespace hellomark {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// Every combination of the parameters' values; one empty combination if there are none.
hf::Result<std::vector<Parameters>> combinations(const Choice& choice) {
  std::vector<std::pair<std::string, std::vector<std::string>>> axes;
  for (size_t i = 0; i + 2 < choice.ranges.size(); i += 3) {
    auto values = number_range(choice.ranges[i + 1], choice.ranges[i + 2], choice.step);
    if (!values) return hf::fail(std::move(values).error().within("-P " + choice.ranges[i]));
    axes.emplace_back(choice.ranges[i], std::move(*values));
  }
  for (size_t i = 0; i + 1 < choice.lists.size(); i += 2)
    axes.emplace_back(choice.lists[i], split_list(choice.lists[i + 1]));
  std::vector<Parameters> all(1);
  for (const auto& [name, values] : axes) {
    std::vector<Parameters> longer;
    for (const Parameters& begun : all)
      for (const auto& value : values) {
        longer.push_back(begun);
        longer.back().emplace_back(name, value);
      }
    all = std::move(longer);
    if (all.size() > kMaxCommands / 4)
      return hf::fail(
          fmt::format("the parameters have more than {} combinations", kMaxCommands / 4));
  }
  return all;
}

/// A command given as one line: through the shell if there is one, else split into words.
hf::Result<Command> command_of_line(const std::string& line, const std::string& shell) {
  if (!shell.empty()) {
    HF_TRY_ASSIGN(auto words, split_words(shell));
    words.emplace_back("-c");
    words.push_back(line);
    return find_command(std::move(words));
  }
  HF_TRY_ASSIGN(auto words, split_words(line));
  return find_command(std::move(words));
}

/// Asides are no part of what is timed, so a shell does them no harm.
hf::Result<std::optional<Command>> aside(const std::string& line, const std::string& shell,
                                         const Parameters& parameters) {
  if (line.empty()) return std::nullopt;
  return command_of_line(fill_in(line, parameters), shell.empty() ? "sh" : shell);
}

}  // namespace

hf::Result<std::vector<Contender>> contenders_of(const Choice& choice) {
  const size_t given = choice.lines.size() + choice.commands.size();
  if (given == 0)
    return hf::fail("no command is given; such as: hellomark run -- python3 -c 1 -- perl -e 1");
  if (choice.prepare.size() > 1 && choice.prepare.size() != given)
    return hf::fail(fmt::format("{} times --prepare for {} commands; give one, or one for each",
                                choice.prepare.size(), given));
  if (choice.names.size() > given)
    return hf::fail(fmt::format("{} names for {} commands", choice.names.size(), given));
  HF_TRY_ASSIGN(const auto parameters, combinations(choice));

  std::vector<Contender> contenders;
  for (size_t i = 0; i < given; ++i)
    for (const Parameters& values : parameters) {
      Contender contender;
      if (i < choice.lines.size()) {
        contender.name = fill_in(choice.lines[i], values);
        HF_TRY_ASSIGN(contender.command, command_of_line(contender.name, choice.shell));
      } else {
        auto words = choice.commands[i - choice.lines.size()];
        for (auto& word : words) word = fill_in(word, values);
        contender.name = join_words(words);
        HF_TRY_ASSIGN(contender.command, find_command(std::move(words)));
      }
      if (i < choice.names.size()) contender.name = fill_in(choice.names[i], values);
      if (!choice.prepare.empty()) {
        const auto& line = choice.prepare[choice.prepare.size() == 1 ? 0 : i];
        HF_TRY_ASSIGN(contender.prepare, aside(line, choice.shell, values));
      }
      HF_TRY_ASSIGN(contender.setup, aside(choice.setup, choice.shell, values));
      HF_TRY_ASSIGN(contender.cleanup, aside(choice.cleanup, choice.shell, values));
      contenders.push_back(std::move(contender));
    }
  if (choice.floor) {
    HF_TRY_ASSIGN(auto floor, floor_command());
    contenders.push_back({.name = "(floor)", .command = std::move(floor), .floor = true});
  }
  return contenders;
}

}  // namespace hellomark
