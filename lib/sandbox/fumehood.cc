#include "lib/sandbox/fumehood.h"

#include <csignal>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "lib/base/base64.h"
#include "lib/base/duration.h"
#include "lib/sandbox/host_command.h"
#include "lib/sandbox/program_lookup.h"

namespace fumehood {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// What the program may take beside the command's time: a cold start on a busy machine, and the first choice of an
// isolation.
constexpr std::chrono::seconds kOverhead{120};

Result<fs::path> FindProgram() {
  if (const auto named = sandbox::EnvironmentVariable("FUMEHOOD_PROGRAM"); !named.empty()) {
    if (sandbox::IsProgram(named)) return fs::path(named);
    return Fail(ErrorCode::kNotFound, "FUMEHOOD_PROGRAM names \"{}\", which is no program that we may execute", named);
  }
  std::error_code ignored;
  const fs::path beside = fs::read_symlink("/proc/self/exe", ignored).parent_path() / "fumehood";
  if (sandbox::IsProgram(beside)) return beside;
  for (const fs::path& folder : sandbox::FoldersOfPath()) {
    if (sandbox::IsProgram(folder / "fumehood")) return folder / "fumehood";
  }
  return Fail(ErrorCode::kNotFound,
              "the program `fumehood` is neither beside \"{}\" nor on the PATH: install it, or set FUMEHOOD_PROGRAM",
              beside.parent_path().string());
}

std::vector<std::string> CommandLine(const fs::path& program, const IsolationOptions& options) {
  std::vector<std::string> argv = {program.string(),
                                   "run",
                                   "--json",
                                   "--isolation=" + options.isolation,
                                   "--timeout=" + FormatDuration(options.timeout),
                                   fmt::format("--max-output={}", options.max_output_bytes)};
  if (!options.access.empty()) argv.push_back("--access=" + options.access);
  if (!options.memory.empty()) argv.push_back("--memory=" + options.memory);
  if (!options.cpus.empty()) argv.push_back("--cpus=" + options.cpus);
  if (options.pids != 0) argv.push_back(fmt::format("--pids={}", options.pids));
  if (!options.scratch.empty()) argv.push_back("--scratch=" + options.scratch);
  if (options.allow_unisolated_fallback) argv.emplace_back("--allow-unisolated-fallback");
  if (!options.image.empty()) argv.push_back("--image=" + options.image);
  if (!options.runsc.empty()) argv.push_back("--runsc=" + options.runsc.string());
  if (!options.platform.empty()) argv.push_back("--platform=" + options.platform);
  if (!options.docker.empty()) argv.push_back("--docker=" + options.docker.string());
  if (!options.working_dir.empty()) argv.push_back("--workdir=" + options.working_dir.string());
  if (!options.repo_path.empty()) argv.push_back("--repo=" + options.repo_path.string());
  for (const std::string& entry : options.env) argv.push_back("--env=" + entry);
  if (!options.stdin_data.empty()) argv.emplace_back("--stdin");
  return argv;
}

Result<std::string> Decode(const json& answer, const char* field) {
  std::string text = answer.value(field, "");
  if (answer.value("output_encoding", "") != "base64") return text;
  return DecodeBase64(text);
}

std::chrono::microseconds FromMillis(double millis) {
  return std::chrono::microseconds(static_cast<int64_t>(millis * 1'000.0));
}

// The code of an Error, from the word that the program uses for it.
ErrorCode CodeOf(std::string_view word) {
  for (const ErrorCode code :
       {ErrorCode::kInvalid, ErrorCode::kNotFound, ErrorCode::kAlreadyExists, ErrorCode::kForbidden,
        ErrorCode::kTooLarge, ErrorCode::kUnavailable, ErrorCode::kCancelled}) {
    if (ToString(code) == word) return code;
  }
  return ErrorCode::kInternal;
}

Result<CommandResult> ReadAnswer(const std::string& text, const std::string& complaints) {
  try {
    const json answer = json::parse(text);
    if (answer.contains("error")) {
      const json& error = answer.at("error");
      return std::unexpected(Error{CodeOf(error.value("code", "")), error.value("message", "")});
    }
    auto out = Decode(answer, "stdout");
    auto err = Decode(answer, "stderr");
    if (!out) return Forward(std::move(out));
    if (!err) return Forward(std::move(err));
    const json& isolation = answer.at("isolation");
    return CommandResult{.success = answer.at("success"),
                         .returncode = answer.at("returncode"),
                         .stdout_text = std::move(*out),
                         .stderr_text = std::move(*err),
                         .timed_out = answer.at("timed_out"),
                         .reason = answer.at("reason"),
                         .message = answer.at("message"),
                         .isolation = isolation.at("backend"),
                         .runtime_version = isolation.at("version"),
                         .startup = FromMillis(answer.at("startup_ms")),
                         .duration = FromMillis(answer.at("duration_ms"))};
  } catch (const json::exception&) {
    return Fail(ErrorCode::kInternal, "`fumehood run` gave no answer: {}", complaints.empty() ? text : complaints);
  }
}

Result<CommandResult> Run(std::vector<std::string> argv, const IsolationOptions& options) {
  const sandbox::HostCommand program{.program = {.argv = std::move(argv), .env = sandbox::OwnEnvironment()},
                                     .stdin_data = options.stdin_data,
                                     .timeout = options.timeout + kOverhead,
                                     // Both outputs, as base64 or escaped, and what goes around them.
                                     .max_output_bytes = options.max_output_bytes * 16 + 65'536,
                                     // So that it takes the command with it.
                                     .end_early = [](pid_t pid) { kill(pid, SIGTERM); }};
  auto ran = sandbox::RunHostCommand(program, {}, options.stop);
  if (!ran) return Forward(std::move(ran));
  if (const int* error_number = std::get_if<int>(&*ran)) {
    return FailErrno(*error_number, fmt::format("start \"{}\"", program.program.argv.front()));
  }
  const auto& ended = std::get<sandbox::HostCommandResult>(*ran);
  if (std::holds_alternative<sandbox::Cancelled>(ended.ending))
    return Fail(ErrorCode::kCancelled, "the command was stopped");
  return ReadAnswer(ended.stdout_output.head, ended.stderr_output.head);
}

}  // namespace

Result<CommandResult> run_command_isolated(const std::vector<std::string>& command, const IsolationOptions& options) {
  if (command.empty()) return Fail(ErrorCode::kInvalid, "the command is empty");
  const auto program = options.program.empty() ? FindProgram() : options.program;
  if (!program) return std::unexpected(program.error());
  auto argv = CommandLine(*program, options);
  argv.emplace_back("--");
  argv.insert(argv.end(), command.begin(), command.end());
  return Run(std::move(argv), options);
}

Result<CommandResult> run_shell_command_isolated(const std::string& shell_command, const IsolationOptions& options) {
  return run_command_isolated({"/bin/sh", "-c", shell_command}, options);
}

GvisorAvailability is_gvisor_available() {
  const auto tried = run_command_isolated({"true"}, {.working_dir = "/usr/share", .timeout = std::chrono::seconds(20)});
  if (!tried) return {false, "", tried.error().message};
  if (!tried->success) return {false, tried->isolation, fmt::format("`true` did not succeed: {}", tried->message)};
  return {true, tried->isolation, ""};
}

}  // namespace fumehood
