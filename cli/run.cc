#include "cli/run.h"

#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "cli/availability.h"
#include "cli/docker_tidying.h"
#include "cli/interruption.h"
#include "cli/local_command.h"
#include "cli/options.h"
#include "cli/result_json.h"

namespace fumehood::cli {
namespace {

struct RunOptions {
  LocalOptions local;
  LocalCommand command;
  std::string shell;
  bool read_stdin = false;
  bool json = false;
};

Result<std::string> ReadStdin() {
  std::string all;
  std::array<char, 65'536> buffer;
  while (true) {
    const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno(errno, "read the standard input");
    if (got == 0) return all;
    all.append(buffer.data(), static_cast<size_t>(got));
    if (all.size() > sandbox::kMaxStdinBytes) {
      return Fail(ErrorCode::kTooLarge, "the standard input has more than {} bytes: put it into the repository",
                  sandbox::kMaxStdinBytes);
    }
  }
}

int Report(const RunOptions& options, const Error& error) {
  if (options.json) {
    std::cout << ToJson(error) << std::endl;
  } else {
    std::cerr << "fumehood: " << error.message << std::endl;
  }
  return kFailed;
}

void WarnAboutNoIsolation(const RunOptions& options, const Choice& choice) {
  for (const Availability& rejected : choice.rejected) {
    std::cerr << "fumehood: " << ToString(rejected.isolation) << " does not work here: " << rejected.failure->message
              << "\n";
  }
  std::cerr << "fumehood: WARNING: "
            << (options.local.isolation == Isolation::kProcess ? "as you asked" : "as you allowed")
            << ", the command runs WITHOUT ISOLATION: it can read and change what you can" << std::endl;
}

Result<Choice> ChooseFor(const RunOptions& options) {
  if (options.local.isolation == Isolation::kAuto) return Choose(options.local);
  return Choice{options.local.isolation, {}};
}

// Runs it and tells how it ended; the exit status.
int Execute(const RunOptions& options, Isolation isolation, const sandbox::RunRequest& request) {
  const auto runner = OpenRunner(isolation, options.local, request);
  if (!runner) {
    if (options.local.isolation == Isolation::kAuto) ForgetChoice();
    return Report(options, runner.error());
  }
  const Interruption interruption;
  const auto result = (*runner)->Run(request, {}, interruption.token());
  if (!result) {
    if (options.local.isolation == Isolation::kAuto) ForgetChoice();
    return Report(options, result.error());
  }
  if (options.json) {
    std::cout << ToJson(*result, isolation) << std::endl;
    return 0;
  }
  if (std::holds_alternative<sandbox::Cancelled>(result->ending)) {
    // Without a signal it was whoever read our output.
    return kSignal + (interruption.signal() != 0 ? interruption.signal() : SIGPIPE);
  }
  if (const std::string message = MessageOf(result->ending); !message.empty()) {
    std::cerr << "fumehood: " << options.command.argv.front() << ": " << message << std::endl;
  }
  return ExitStatusOf(result->ending);
}

int Run(RunOptions& options) {
  if (!options.shell.empty() && !options.command.argv.empty()) {
    return Report(options, {ErrorCode::kInvalid, "give a command or --shell, not both"});
  }
  if (!options.shell.empty()) options.command.argv = {"/bin/sh", "-c", options.shell};
  if (options.command.argv.empty()) {
    return Report(options,
                  {ErrorCode::kInvalid, "no command: `fumehood run [options] -- PROGRAM [ARGUMENTS]`, or --shell"});
  }
  if (options.read_stdin) {
    auto input = ReadStdin();
    if (!input) return Report(options, input.error());
    options.command.stdin_data = std::move(*input);
  }
  const auto choice = ChooseFor(options);
  if (!choice) return Report(options, choice.error());
  if (choice->isolation == Isolation::kProcess) WarnAboutNoIsolation(options, *choice);
  auto request = ToRequest(options.command, options.local, choice->isolation);
  if (!request) return Report(options, request.error());
  if (!options.json) {
    request->stdout_to = STDOUT_FILENO;
    request->stderr_to = STDERR_FILENO;
    request->max_output_bytes = 0;
  }

  std::signal(SIGPIPE, SIG_IGN);
  const int status = Execute(options, choice->isolation, *request);
  if (choice->isolation == Isolation::kDocker) TidyDockerBehind(options.local);
  return status;
}

}  // namespace

void AddRun(CLI::App& app, const std::vector<std::string>& command, int& status) {
  auto options = std::make_shared<RunOptions>();
  options->command.argv = command;
  CLI::App* run =
      app.add_subcommand("run", "Runs a command isolated: the repository read-only, no network, a time limit.");
  AddLocalOptions(*run, options->local);
  run->add_option("--repo", options->command.repository,
                  "what the command finds at /workspace, read-only; the working directory where it isn't given");
  run->add_option("--workdir", options->command.working_dir,
                  "where it starts: in the repository, or else instead of it, and the repository is at its own path");
  run->add_option("--env", options->command.env, "NAME=value; nothing is inherited")
      ->take_all()
      ->allow_extra_args(false);
  AddDuration(*run, "--timeout", options->command.timeout, "killed after so long, with exit status 124");
  AddAccess(*run, options->command.access);
  AddLimits(*run, options->command.limits);
  run->add_option("--shell", options->shell, "a script for /bin/sh, instead of a command");
  run->add_flag("--stdin", options->read_stdin, "it reads what we are given on our standard input, up to 256 KiB");
  run->add_flag("--json", options->json, "prints one JSON object about how it ended, with its output");
  run->add_option("--max-output", options->command.max_output_bytes,
                  "with --json: so many bytes of each output are kept")
      ->capture_default_str();
  run->footer(
      "fumehood run [OPTIONS] -- PROGRAM [ARGUMENTS]\nfumehood run [OPTIONS] --shell SCRIPT\n\n"
      "Exit status: the command's own; 124 when its time was over; 125 when Fumehood could not run it; 126 when it is "
      "not\n"
      "executable, 127 when there is no such program; 128+n when signal n ended it. With --json: 0 when the JSON tells "
      "how it\n"
      "ended, 125 when it tells why it did not run.");
  run->callback([options, &status] { status = Run(*options); });
}

}  // namespace fumehood::cli
