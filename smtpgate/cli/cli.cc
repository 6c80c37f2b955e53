// SPDX-License-Identifier: Apache-2.0
#include "smtpgate/cli/cli.h"

#include <functional>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include "smtpgate/cli/commands.h"
#include "smtpgate/gate/master.h"

namespace smtpgate {
namespace {

constexpr const char* kExamples = R"(
Examples:
  smtpgate check -c smtpgate.toml       is the configuration right?
  smtpgate run -c smtpgate.toml         guard the mail port
  smtpgate why 192.0.2.1                what was decided about this client, and why
  smtpgate test 192.0.2.1               what would be decided if it came now for the first time
  smtpgate allow 192.0.2.0/24 --for 7d --note "partner, ticket 12"
  smtpgate replay-log gate.log -c new.toml    what a changed configuration would have done

Manual page: smtpgate(8).)";

using Run = std::function<hf::Result<int>()>;

/// All subcommands with their options; a parsed command line leaves its action in `run`.
class CommandLine {
 public:
  CommandLine() {
    app_.set_version_flag("-V,--version", "smtpgate " HF_VERSION);
    app_.footer(kExamples);
    app_.require_subcommand(1);
    app_.fallthrough();
    add_serving();
    add_asking();
    add_changing();
  }

  int main(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      const int code = app_.exit(error);
      return code == 0 ? 0 : 2;
    }
    const auto result = run_();
    if (result) return *result;
    fmt::print(stderr, "smtpgate: {}\n", result.error().message);
    return 1;
  }

 private:
  CLI::App* add(const char* name, const char* help, Run run) {
    CLI::App* command = app_.add_subcommand(name, help);
    command
        ->add_option_function<std::string>(
            "-c,--config",
            [this](const std::string& path) {
              common_.config_path = path;
              common_.config_given = true;
            },
            "Configuration file")
        ->type_name("FILE")
        ->default_str(kDefaultConfigPath);
    command->callback([this, run = std::move(run)] { run_ = run; });
    return command;
  }
  void add_json(CLI::App* command) {
    command->add_flag("--json", common_.json, "Print JSON, for scripts");
  }

  void add_serving() {
    auto* run = add("run", "Guard the mail port, in the foreground", [this]() -> hf::Result<int> {
      return run_master({.config_path = common_.config_path, .user = user_});
    });
    run->add_option("--user", user_, "Whom to run as when started by root (smtpgate, else nobody)");
    auto* check = add("check", "Check the configuration and the files it names",
                      [this] { return run_check(common_, check_); });
    check->add_flag("--dump", check_.dump, "Print the configuration in force, defaults included");
    check->add_option("--explain", check_.key, "Explain a key such as limits.per_ip, or \"all\"")
        ->type_name("KEY");
    add("reload", "Let the daemon take its configuration anew",
        [this] { return run_reload(common_); });
    add("doctor", "Look for what would keep the gate from working",
        [this] { return run_doctor(common_); });
  }

  void add_asking() {
    auto* why = add("why", "What was decided about a client, what would be now, and why",
                    [this] { return run_why(common_, why_); });
    why->add_option("subject", why_.subject, "Address of a client, or id of a connection")
        ->required();
    why->add_flag("!--no-dns", why_.ask_dns, "Ask no DNS lists");
    add_json(why);
    auto* test = add("test", "Judge a client as if it came now for the first time",
                     [this] { return run_test(common_, test_); });
    test->add_option("address", test_.address, "Address of the client")->required();
    test->add_flag("--talks", test_.talks, "As if it spoke before it was greeted");
    test->add_flag("!--no-dns", test_.ask_dns, "Ask no DNS lists");
    add_json(test);
    add_json(add("status", "How the daemon is doing", [this] { return run_status(common_); }));
    add_json(add("lists", "The lists: state, answers, budget", [this] { return run_lists(common_); }));
    auto* top = add("top", "The clients that count most", [this] { return run_top(common_, top_); });
    top->add_option("--by", top_.by, "refusals, connections, handoffs, pregreet, listed, denied, "
                                     "limited or hangup")
        ->capture_default_str();
    top->add_option("-n", top_.count, "How many")->capture_default_str();
    top->add_flag("--networks", top_.networks, "Add up by /24 and /64");
    add_json(top);
    auto* replay = add("replay-log", "Judge every logged connection by another configuration",
                       [this] { return run_replay_log(common_, replay_); });
    replay->add_option("log", replay_.log, "Log file, - for standard input")->required();
    replay->add_option("-n", replay_.examples, "How many changed verdicts to show")
        ->capture_default_str();
    add_json(replay);
  }

  void add_changing() {
    for (const bool allow : {true, false}) {
      auto* command =
          add(allow ? "allow" : "deny",
              allow ? "Put an address or network on the allow list" : "… on the deny list",
              [this, allow] { return allow ? run_allow(common_, access_) : run_deny(common_, access_); });
      command->add_option("prefix", access_.prefix, "Address or CIDR block")->required();
      command->add_option("--for", access_.duration, "For how long, such as 7d");
      command->add_option("--note", access_.note, "Why");
      command->add_flag("--remove", access_.remove, "Take it off the list");
    }
    auto* forget = add("forget", "Forget a client's history",
                       [this] { return run_forget(common_, subject_); });
    forget->add_option("address", subject_, "Address of the client")->required();
    auto* grey = add("grey", "What the greylist holds, or forget the mails that are to come back",
                     [this] { return run_grey(common_, kind_); });
    grey->add_option("action", kind_, "list or flush")
        ->required()
        ->check(CLI::IsMember({"list", "flush"}));
    add_json(grey);
    auto* providers = add("providers", "The big senders that are never delayed, and their networks",
                          [this] { return run_providers(common_, refresh_); });
    providers->add_flag("--refresh", refresh_, "Look their networks up in the DNS first");
    add_json(providers);
    auto* import = add("import", "Turn another program's configuration into ours",
                       [this] { return run_import(common_, import_); });
    import->add_option("kind", kind_, "What to import: postscreen")
        ->required()
        ->check(CLI::IsMember({"postscreen"}));
    import->add_option("file", import_.source, "Postfix's main.cf")->required();
    import->add_option("-o,--output", import_.output, "Folder to write to, instead of printing");
  }

  CLI::App app_{"smtpgate guards a mail port: it decides who may talk to the mail server, and can "
                "say why.",
                "smtpgate"};
  CommonOptions common_;
  Run run_;
  std::string user_, subject_, kind_;
  bool refresh_ = false;
  CheckOptions check_;
  WhyOptions why_;
  TestOptions test_;
  TopOptions top_;
  AccessOptions access_;
  ImportOptions import_;
  ReplayOptions replay_;
};

}  // namespace

int run_cli(int argc, char** argv) { return CommandLine().main(argc, argv); }

}  // namespace smtpgate
