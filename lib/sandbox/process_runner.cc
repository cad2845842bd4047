#include "lib/sandbox/process_runner.h"

#include <sys/wait.h>

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "lib/sandbox/hand_over.h"
#include "lib/sandbox/host_command.h"
#include "lib/sandbox/program_lookup.h"

namespace fumehood::sandbox {

namespace {

namespace fs = std::filesystem;

std::string_view PathOf(const std::vector<std::string>& env) {
  constexpr std::string_view kName = "PATH=";
  for (const std::string_view entry : env) {
    if (entry.starts_with(kName)) return entry.substr(kName.size());
  }
  return {};
}

// Where the program is that a command names.
std::optional<std::string> FindProgram(const std::string& program, std::string_view path) {
  if (program.contains('/')) return program;
  while (!path.empty()) {
    const size_t colon = path.find(':');
    const fs::path candidate = fs::path(path.substr(0, colon)) / program;
    if (IsProgram(candidate)) return candidate.string();
    path = colon == std::string_view::npos ? "" : path.substr(colon + 1);
  }
  return std::nullopt;
}

RunResult Unconfined(Ending ending) {
  RunResult result;
  result.ending = std::move(ending);
  result.isolation = {.runtime = "none", .version = "", .platform = "", .network = "host", .repository = "ReadWrite"};
  return result;
}

// What made a directory useless, as NotStarted.
std::optional<NotStarted> WhyNoDirectory(const fs::path& path, NotStarted::Cause cause, std::string_view what) {
  std::error_code error;
  if (fs::is_directory(path, error)) return std::nullopt;
  return NotStarted{.cause = cause,
                    .message = fmt::format("the {} \"{}\": {}", what, path.string(),
                                           error ? error.message() : "it is not a directory")};
}

}  // namespace

Result<RunResult> ProcessRunner::Run(const RunRequest& request, const std::function<void()>& on_started,
                                     std::stop_token stop) {
  auto hand_over = MakeHandOver(request, 0);
  if (!hand_over) return Forward(std::move(hand_over));
  if (request.access != RepositoryAccess::kReadOnly) {
    return Fail(ErrorCode::kInvalid, "without isolation the repository can't be Ephemeral: a write would stay");
  }
  if (request.limits != Limits{}) {
    return Fail(ErrorCode::kInvalid, "without isolation there are no limits: leave them out, or choose an isolation");
  }
  if (auto* refused = std::get_if<NotStarted>(&*hand_over)) return Unconfined(std::move(*refused));
  auto& command = std::get<init::HandOver>(*hand_over);
  const fs::path repository = repository_root_ / request.repository_path;
  const fs::path working_dir = repository / request.working_dir;
  if (auto none = WhyNoDirectory(repository, NotStarted::Cause::kRepositoryUnavailable, "repository")) {
    return Unconfined(std::move(*none));
  }
  if (auto none = WhyNoDirectory(working_dir, NotStarted::Cause::kWorkingDirUnavailable, "working directory")) {
    return Unconfined(std::move(*none));
  }

  const auto path = FindProgram(request.argv.front(), PathOf(command.env));
  const auto not_executed = [&](int error_number) -> Result<RunResult> {
    auto not_started =
        Interpret({.stage = init::Stage::kExec, .error_number = error_number, .path = path.value_or("")}, request);
    if (!not_started) return Forward(std::move(not_started));
    return Unconfined(std::move(*not_started));
  };
  if (!path) return not_executed(ENOENT);
  HostCommand host_command{.program = {.argv = command.argv, .env = std::move(command.env), .working_dir = working_dir},
                           .stdin_data = request.stdin_data,
                           .timeout = request.timeout,
                           .max_output_bytes = request.max_output_bytes,
                           .stdout_to = request.stdout_to,
                           .stderr_to = request.stderr_to};
  host_command.program.argv.front() = *path;
  const SteadyTime called = std::chrono::steady_clock::now();
  auto ran = RunHostCommand(host_command, on_started, std::move(stop));
  if (!ran) return Forward(std::move(ran));
  if (const int* error_number = std::get_if<int>(&*ran)) return not_executed(*error_number);
  auto& ended = std::get<HostCommandResult>(*ran);
  RunResult result = Unconfined(std::visit(
      [](const auto& what) -> Ending {
        if constexpr (std::is_same_v<decltype(what), const HostEnded&>) {
          if (WIFSIGNALED(what.wait_status)) return Signaled{WTERMSIG(what.wait_status)};
          return Exited{WEXITSTATUS(what.wait_status)};
        } else {
          return what;
        }
      },
      ended.ending));
  result.stdout_output = std::move(ended.stdout_output);
  result.stderr_output = std::move(ended.stderr_output);
  result.startup = std::chrono::duration_cast<std::chrono::microseconds>(ended.started - called);
  result.duration = std::chrono::duration_cast<std::chrono::microseconds>(ended.ended - ended.started);
  return result;
}

}  // namespace fumehood::sandbox
