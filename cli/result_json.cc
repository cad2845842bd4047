#include "cli/result_json.h"

#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <variant>

#include "lib/base/base64.h"
#include "lib/base/utf8.h"

namespace fumehood::cli {
namespace {

using nlohmann::json;
using Cause = sandbox::NotStarted::Cause;

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

std::string_view ToString(Cause cause) {
  switch (cause) {
    case Cause::kCommandNotFound: return "CommandNotFound";
    case Cause::kCommandNotExecutable: return "CommandNotExecutable";
    case Cause::kArgumentsTooLong: return "ArgumentsTooLong";
    case Cause::kWorkingDirUnavailable: return "WorkingDirUnavailable";
    case Cause::kRepositoryUnavailable: return "RepositoryUnavailable";
    case Cause::kImageUnavailable: return "ImageUnavailable";
  }
  return "?";
}

int ExitStatusOf(Cause cause) {
  switch (cause) {
    case Cause::kCommandNotFound: return kNotFound;
    case Cause::kCommandNotExecutable:
    case Cause::kArgumentsTooLong: return kNotExecutable;
    case Cause::kWorkingDirUnavailable:
    case Cause::kRepositoryUnavailable:
    case Cause::kImageUnavailable: break;
  }
  return kFailed;
}

// As much as was kept; where something was dropped, a line says how much.
std::string Join(const sandbox::CapturedOutput& output) {
  if (!output.truncated()) return output.head + output.tail;
  return fmt::format("{}\n[fumehood: {} bytes omitted]\n{}", output.head, output.omitted_bytes(), output.tail);
}

// null where there is none.
template <typename Number>
json ToJson(const std::optional<Number>& number) {
  return number ? json(*number) : json();
}

double ToMillis(std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1'000.0; }

}  // namespace

int ExitStatusOf(const sandbox::Ending& ending) {
  return std::visit(Overloaded{[](const sandbox::Exited& exited) { return exited.code; },
                               [](const sandbox::Signaled& signaled) { return kSignal + signaled.signal; },
                               [](const sandbox::TimedOut&) { return kTimedOut; },
                               [](const sandbox::Cancelled&) { return kSignal + SIGTERM; },
                               [](const sandbox::OutOfMemory&) { return kSignal + SIGKILL; },
                               [](const sandbox::SandboxTerminated&) { return kFailed; },
                               [](const sandbox::NotStarted& not_started) { return ExitStatusOf(not_started.cause); }},
                    ending);
}

std::string ReasonOf(const sandbox::Ending& ending) {
  return std::visit(
      Overloaded{[](const sandbox::Exited&) -> std::string { return "Exited"; },
                 [](const sandbox::Signaled&) -> std::string { return "Signaled"; },
                 [](const sandbox::TimedOut&) -> std::string { return "TimedOut"; },
                 [](const sandbox::Cancelled&) -> std::string { return "Cancelled"; },
                 [](const sandbox::OutOfMemory&) -> std::string { return "OOMKilled"; },
                 [](const sandbox::SandboxTerminated&) -> std::string { return "SandboxTerminated"; },
                 [](const sandbox::NotStarted& not_started) { return std::string(ToString(not_started.cause)); }},
      ending);
}

std::string MessageOf(const sandbox::Ending& ending) {
  return std::visit(Overloaded{[](const sandbox::Exited&) -> std::string { return ""; },
                               [](const sandbox::Signaled& signaled) -> std::string {
                                 return fmt::format("ended by signal {} ({})", signaled.signal,
                                                    strsignal(signaled.signal));
                               },
                               [](const sandbox::TimedOut&) -> std::string { return "killed when its time was over"; },
                               [](const sandbox::Cancelled&) -> std::string { return "killed, as was asked for"; },
                               [](const sandbox::OutOfMemory&) -> std::string {
                                 return "killed by the kernel: it needed more memory than it may have";
                               },
                               [](const sandbox::SandboxTerminated&) -> std::string {
                                 return "the sandbox went away without telling how the command ended";
                               },
                               [](const sandbox::NotStarted& not_started) { return not_started.message; }},
                    ending);
}

json ToJson(const sandbox::RunResult& result, Isolation isolation) {
  std::string out = Join(result.stdout_output);
  std::string err = Join(result.stderr_output);
  const bool is_text = IsUtf8(out) && IsUtf8(err);
  const int status = ExitStatusOf(result.ending);
  const sandbox::Limits& limits = result.isolation.limits;
  json object = {
      {"success", status == 0},
      {"returncode", status},
      {"reason", ReasonOf(result.ending)},
      {"message", MessageOf(result.ending)},
      {"oom_killed", std::holds_alternative<sandbox::OutOfMemory>(result.ending)},
      {"timed_out", std::holds_alternative<sandbox::TimedOut>(result.ending)},
      {"stdout", is_text ? std::move(out) : EncodeBase64(out)},
      {"stderr", is_text ? std::move(err) : EncodeBase64(err)},
      {"output_encoding", is_text ? "utf-8" : "base64"},
      {"stdout_bytes", result.stdout_output.total_bytes},
      {"stderr_bytes", result.stderr_output.total_bytes},
      {"stdout_truncated", result.stdout_output.truncated()},
      {"stderr_truncated", result.stderr_output.truncated()},
      {"startup_ms", ToMillis(result.startup)},
      {"duration_ms", ToMillis(result.duration)},
      {"isolation",
       {{"backend", ToString(isolation)},
        {"runtime", result.isolation.runtime},
        {"version", result.isolation.version},
        {"platform", result.isolation.platform},
        {"network", result.isolation.network},
        {"repository", result.isolation.repository},
        {"memory_limit_bytes", ToJson(limits.memory_bytes)},
        {"cpu_limit_millis", ToJson(limits.cpu_millicores)},
        {"pids_limit", ToJson(limits.pids)},
        {"scratch_limit_bytes", ToJson(limits.scratch_bytes)}}},
      {"usage",
       {{"cpu_ms", result.usage.cpu ? json(ToMillis(*result.usage.cpu)) : json()},
        {"peak_memory_bytes", ToJson(result.usage.peak_memory_bytes)}}},
  };
  if (const auto* signaled = std::get_if<sandbox::Signaled>(&result.ending)) object["signal"] = signaled->signal;
  return object;
}

json ToJson(const Error& error) {
  return {{"error", {{"code", fumehood::ToString(error.code)}, {"message", error.message}}}};
}

}  // namespace fumehood::cli
