#include "executor/reporter.h"

#include "executor/resources.h"
#include "lib/base/backoff.h"
#include "lib/base/sleep.h"
#include "lib/base/time.h"

namespace fumehood::executor {
namespace {

using service::kv;
using std::chrono::milliseconds;

kube::ObjectName NameOf(const api::SandboxCommand& command) { return {command.metadata.ns, command.metadata.name}; }

}  // namespace

Reporter::Answer Reporter::Report(const api::SandboxCommand& command, const MakePatch& make_patch,
                                  std::stop_token stop) {
  Backoff backoff({.initial = milliseconds(100), .max = milliseconds(15'000)});
  const SystemClock clock;
  auto max_output_bytes = static_cast<uint64_t>(command.spec.max_output_bytes);
  while (!stop.stop_requested()) {
    const auto patched = client_.Patch(kSandboxCommands, NameOf(command), kube::PatchKind::kJson,
                                       make_patch(max_output_bytes), "status", stop);
    if (patched) return Answer::kAccepted;
    const Error& error = patched.error();
    if (error.code == ErrorCode::kTooLarge && max_output_bytes > 0) {
      max_output_bytes /= 2;
      log_.Warning("result too large, shortening its outputs",
                   {kv("command", FullName(command.metadata)), kv("max_bytes", max_output_bytes)});
      continue;
    }
    // Whatever the refusal was about (a failed test, a finished object, an unknown outcome), the object itself tells
    // whether to go on.
    const auto wanted = IsWanted(command, stop);
    if (wanted && !*wanted) return Answer::kSuperseded;
    if (stop.stop_requested()) break;
    log_.Warning("result not accepted, will try again", {kv("command", FullName(command.metadata)),
                                                         kv("uid", command.metadata.uid), kv("error", error.message)});
    SleepUnlessStopped(backoff.Next(clock.SteadyNow()), stop);
  }
  return Answer::kStopped;
}

Status Reporter::Mention(const api::SandboxCommand& command, const kube::Json& patch, std::stop_token stop) {
  const auto patched = client_.Patch(kSandboxCommands, NameOf(command), kube::PatchKind::kJson, patch, "status", stop);
  if (!patched) return std::unexpected(patched.error());
  return {};
}

Result<bool> Reporter::IsWanted(const api::SandboxCommand& command, std::stop_token stop) {
  const auto object = client_.Get(kSandboxCommands, NameOf(command), stop);
  if (!object) {
    if (object.error().code == ErrorCode::kNotFound) return false;
    return std::unexpected(object.error());
  }
  const auto current = api::ReadSandboxCommand(*object);
  if (!current) return std::unexpected(current.error());
  return current->metadata.uid == command.metadata.uid && !current->IsFinished() &&
         current->status.attempt == command.status.attempt;
}

}  // namespace fumehood::executor
