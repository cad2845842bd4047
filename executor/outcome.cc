#include "executor/outcome.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <string_view>
#include <utility>
#include <variant>

#include "lib/api/names.h"
#include "lib/api/stored_size.h"

namespace fumehood::executor {
namespace {

using api::ConditionStatus;
using api::Phase;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

// As shells report them.
constexpr int kNotFoundExitCode = 127;
constexpr int kNotExecutableExitCode = 126;

// What is said about an ending, beside the outputs.
struct Verdict {
  Phase phase = Phase::kFailed;
  std::string_view reason;
  std::string message;
  std::optional<int> exit_code = std::nullopt;
  std::optional<int> signal = std::nullopt;
};

std::string SignalName(int signal) {
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? std::to_string(signal) : fmt::format("{} (SIG{})", signal, name);
}

Verdict Judge(const sandbox::Exited& exited, const api::SandboxCommandSpec&) {
  if (exited.code == 0) return {Phase::kSucceeded, api::reason::kExitedZero, "exited with 0", 0};
  return {Phase::kFailed, api::reason::kExitedNonZero, fmt::format("exited with {}", exited.code), exited.code};
}

Verdict Judge(const sandbox::Signaled& signaled, const api::SandboxCommandSpec&) {
  return {.phase = Phase::kFailed,
          .reason = api::reason::kSignaled,
          .message = fmt::format("ended by signal {}", SignalName(signaled.signal)),
          .signal = signaled.signal};
}

Verdict Judge(const sandbox::TimedOut&, const api::SandboxCommandSpec& spec) {
  return {Phase::kTimedOut, api::reason::kDeadlineExceeded,
          fmt::format("killed at its time limit of {} s", spec.timeout.count())};
}

Verdict Judge(const sandbox::Cancelled&, const api::SandboxCommandSpec&) {
  return {Phase::kCancelled, api::reason::kCancelled, "cancelled"};
}

Verdict Judge(const sandbox::OutOfMemory&, const api::SandboxCommandSpec&) {
  return {.phase = Phase::kFailed,
          .reason = api::reason::kOomKilled,
          .message = "killed by the kernel: it needed more memory than it may have",
          .signal = SIGKILL};
}

Verdict Judge(const sandbox::SandboxTerminated&, const api::SandboxCommandSpec&) {
  return {Phase::kFailed, api::reason::kSandboxTerminated,
          "the sandbox ended without telling how the command did: brought down from inside, or killed by the host"};
}

Verdict Judge(const sandbox::NotStarted& not_started, const api::SandboxCommandSpec&) {
  using Cause = sandbox::NotStarted::Cause;
  Verdict verdict{.reason = api::reason::kRepositoryUnavailable, .message = not_started.message};
  switch (not_started.cause) {
    case Cause::kCommandNotFound:
      verdict.reason = api::reason::kCommandNotFound;
      verdict.exit_code = kNotFoundExitCode;
      break;
    case Cause::kCommandNotExecutable:
      verdict.reason = api::reason::kCommandNotFound;
      verdict.exit_code = kNotExecutableExitCode;
      break;
    case Cause::kArgumentsTooLong: verdict.reason = api::reason::kInvalidSpec; break;
    case Cause::kImageUnavailable: verdict.reason = api::reason::kImageNotFound; break;
    case Cause::kWorkingDirUnavailable:
    case Cause::kRepositoryUnavailable: break;
  }
  return verdict;
}

api::IsolationStatus Confinement(const api::SandboxCommand& command, const sandbox::RunResult& result,
                                 const std::string& handler) {
  return {.runtime_class = command.spec.runtime_class_name,
          .handler = handler,
          .runtime = result.isolation.runtime,
          .version = result.isolation.version,
          .platform = result.isolation.platform,
          .network = result.isolation.network,
          .repository = result.isolation.repository};
}

// Only what was counted is told.
std::optional<api::Usage> ToUsage(const sandbox::Usage& usage) {
  if (!usage.cpu || !usage.peak_memory_bytes) return std::nullopt;
  return api::Usage{.cpu = duration_cast<milliseconds>(*usage.cpu),
                    .peak_memory_bytes = static_cast<int64_t>(*usage.peak_memory_bytes)};
}

}  // namespace

Outcome MakeOutcome(const api::SandboxCommand& command, sandbox::RunResult result,
                    const RunCircumstances& circumstances) {
  const WallTime now = circumstances.completion_time;
  const Verdict verdict =
      std::visit([&command](const auto& ending) { return Judge(ending, command.spec); }, result.ending);
  Outcome outcome{.status = command.status,
                  .stdout_output = {},
                  .stderr_output = {},
                  .max_output_bytes = static_cast<uint64_t>(command.spec.max_output_bytes),
                  .spec_bytes = api::StoredBytes(command.spec)};
  api::SandboxCommandStatus& status = outcome.status;
  const auto set_condition = [now, &status](std::string_view type, ConditionStatus condition, std::string_view reason,
                                            const std::string& message) {
    SetCondition(status.conditions, {std::string(type), condition, std::string(reason), message, now});
  };

  status.phase = verdict.phase;
  status.start_time = circumstances.start_time;
  status.completion_time = now;
  if (circumstances.start_time) {
    status.duration = duration_cast<milliseconds>(result.duration);
    status.startup = duration_cast<milliseconds>(result.startup);
    status.warm = result.warm;
    status.isolation = Confinement(command, result, circumstances.handler);
    status.usage = ToUsage(result.usage);
    const bool is_unlimited = command.status.resources && !result.isolation.limits.memory_bytes;
    set_condition(
        api::condition::kIsolated, ConditionStatus::kTrue, api::reason::kSandboxed,
        fmt::format("{} {} on {}, network {}, repository {}{}", result.isolation.runtime, result.isolation.version,
                    result.isolation.platform, result.isolation.network, result.isolation.repository,
                    is_unlimited ? "; the node could not limit memory and CPU" : ""));
  } else {
    set_condition(api::condition::kIsolated, ConditionStatus::kUnknown, api::reason::kNeverStarted,
                  "the command was not started");
  }
  set_condition(api::condition::kFinished, ConditionStatus::kTrue, verdict.reason, verdict.message);
  set_condition(api::condition::kSucceeded,
                verdict.phase == Phase::kSucceeded ? ConditionStatus::kTrue : ConditionStatus::kFalse, verdict.reason,
                verdict.message);

  api::CommandResult& command_result = status.result.emplace();
  command_result.exit_code = verdict.exit_code;
  command_result.signal = verdict.signal;
  command_result.timed_out = verdict.phase == Phase::kTimedOut;
  command_result.oom_killed = std::holds_alternative<sandbox::OutOfMemory>(result.ending);
  outcome.stdout_output = std::move(result.stdout_output);
  outcome.stderr_output = std::move(result.stderr_output);
  return outcome;
}

}  // namespace fumehood::executor
