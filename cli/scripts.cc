#include "cli/scripts.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <iostream>
#include <string>
#include <vector>

#include "cli/local_options.h"
#include "cli/result_json.h"
#include "lib/sandbox/program_lookup.h"

namespace fumehood::cli {
namespace {

// Only returns where the script can't be started.
Error Become(std::string_view script, std::vector<std::string> arguments) {
  const auto path = FindScript(script);
  if (!path) return path.error();
  arguments.insert(arguments.begin(), path->string());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(path->c_str(), argv.data());
  return FailErrno(errno, fmt::format("start \"{}\"", path->string())).error();
}

void AddScript(CLI::App& app, const std::string& name, const std::string& script, const std::string& description,
               int& status) {
  CLI::App* command = app.add_subcommand(name, description);
  command->prefix_command();
  command->set_help_flag();  // the script has its own
  command->callback([command, script, &status] {
    const Error error = Become(script, command->remaining());
    std::cerr << "fumehood: " << error.message << std::endl;
    status = kFailed;
  });
}

}  // namespace

Result<std::filesystem::path> FindScript(std::string_view name) {
  const auto folder = ThisProgram().parent_path().parent_path() / "share/fumehood/scripts";
  if (sandbox::IsProgram(folder / name)) return folder / name;
  return Fail(ErrorCode::kNotFound, "there is no {} in {}: it is installed together with this program", name,
              folder.string());
}

void AddScripts(CLI::App& app, int& status) {
  AddScript(app, "install", "install-runsc", "Installs gVisor's runsc, verified; install --help tells how.", status);
  AddScript(app, "setup-docker", "setup-docker", "Makes gVisor a runtime of Docker; setup-docker --help tells how.",
            status);
}

}  // namespace fumehood::cli
