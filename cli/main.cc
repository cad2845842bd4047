// fumehood: runs commands isolated on this machine.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/doctor/doctor.h"
#include "cli/result_json.h"
#include "cli/run.h"
#include "cli/scripts.h"

namespace fumehood::cli {
namespace {

int Main(std::vector<std::string> arguments) {
  // The parser would take "[a,b]" for two arguments, so it never sees the command.
  const auto separator = std::ranges::find(arguments, "--");
  std::vector<std::string> command(separator == arguments.end() ? separator : separator + 1, arguments.end());
  arguments.erase(separator, arguments.end());
  const bool wants_json = std::ranges::find(arguments, "--json") != arguments.end();

  int status = 0;
  CLI::App app("Runs commands that nobody should trust, isolated by gVisor.", "fumehood");
  app.require_subcommand(1);
  app.set_version_flag("--version", FUMEHOOD_VERSION);
  AddRun(app, command, status);
  AddDoctor(app, status);
  AddScripts(app, status);
  try {
    std::ranges::reverse(arguments);  // as this overload wants them
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    if (wants_json && error.get_exit_code() != 0) {
      std::cout << ToJson(Error{ErrorCode::kInvalid, error.what()}) << std::endl;
      return kFailed;
    }
    // 0 for --help; what is wrong with the command line is no status of a command.
    return app.exit(error) == 0 ? 0 : kFailed;
  }
  return status;
}

}  // namespace
}  // namespace fumehood::cli

int main(int argc, char** argv) { return fumehood::cli::Main({argv + 1, argv + argc}); }
