#include "executor/outcome.h"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "lib/api/names.h"
#include "lib/api/output_encoding.h"

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

// Leaves at most `max` bytes: half from the head, half from the tail.
api::KeptOutput Shorten(const sandbox::CapturedOutput& output, uint64_t max) {
  std::string_view head = output.head;
  std::string_view tail = output.tail;
  if (head.size() + tail.size() > max) {
    // A tail of its own begins where something was dropped; else it is the end of the head.
    if (tail.empty()) tail = head.substr(head.size() - max / 2);
    tail = tail.substr(tail.size() - std::min<uint64_t>(tail.size(), max / 2));
    head = head.substr(0, max - max / 2);
  }
  return {head, tail, output.total_bytes};
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

}  // namespace

api::SandboxCommandStatus FinishedStatus(const api::SandboxCommand& command, const sandbox::RunResult& result,
                                         const RunCircumstances& circumstances, uint64_t max_output_bytes) {
  const WallTime now = circumstances.completion_time;
  const Verdict verdict =
      std::visit([&command](const auto& ending) { return Judge(ending, command.spec); }, result.ending);
  const auto set_condition = [now](auto& conditions, std::string_view type, ConditionStatus status,
                                   std::string_view reason, const std::string& message) {
    SetCondition(conditions, {std::string(type), status, std::string(reason), message, now});
  };

  api::SandboxCommandStatus status = command.status;
  status.phase = verdict.phase;
  status.start_time = circumstances.start_time;
  status.completion_time = now;
  if (circumstances.start_time) {
    status.duration = duration_cast<milliseconds>(result.duration);
    status.startup = duration_cast<milliseconds>(result.startup);
    status.isolation = Confinement(command, result, circumstances.handler);
    set_condition(
        status.conditions, api::condition::kIsolated, ConditionStatus::kTrue, api::reason::kSandboxed,
        fmt::format("{} {} on {}, network {}, repository {}", result.isolation.runtime, result.isolation.version,
                    result.isolation.platform, result.isolation.network, result.isolation.repository));
  } else {
    set_condition(status.conditions, api::condition::kIsolated, ConditionStatus::kUnknown, api::reason::kNeverStarted,
                  "the command was not started");
  }
  set_condition(status.conditions, api::condition::kFinished, ConditionStatus::kTrue, verdict.reason, verdict.message);
  set_condition(status.conditions, api::condition::kSucceeded,
                verdict.phase == Phase::kSucceeded ? ConditionStatus::kTrue : ConditionStatus::kFalse, verdict.reason,
                verdict.message);

  api::CommandResult& outputs = status.result.emplace();
  outputs.exit_code = verdict.exit_code;
  outputs.signal = verdict.signal;
  outputs.timed_out = verdict.phase == Phase::kTimedOut;
  EncodeOutputs(Shorten(result.stdout_output, max_output_bytes), Shorten(result.stderr_output, max_output_bytes),
                outputs);
  return status;
}

}  // namespace fumehood::executor
