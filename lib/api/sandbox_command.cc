#include "lib/api/sandbox_command.h"

#include <array>
#include <utility>

#include "lib/api/names.h"
#include "lib/base/json_fields.h"

namespace fumehood::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array kPhases = {Phase::kPending, Phase::kScheduled, Phase::kRunning,  Phase::kSucceeded,
                                Phase::kFailed,  Phase::kTimedOut,  Phase::kCancelled};

std::optional<Phase> ParsePhase(std::string_view text) {
  for (const Phase phase : kPhases) {
    if (ToString(phase) == text) return phase;
  }
  return std::nullopt;
}

std::string_view ToString(OutputEncoding encoding) {
  switch (encoding) {
    case OutputEncoding::kUtf8: return "utf-8";
    case OutputEncoding::kBase64: break;
  }
  return "base64";
}

SandboxCommandSpec ReadSpec(const Json& json) {
  SandboxCommandSpec spec;
  spec.command = StringsAt(json, "command");
  spec.shell = StringAt(json, "shell");
  const Json& repository = FieldAt(json, "repository");
  spec.repository.path = StringAt(repository, "path");
  if (StringAt(repository, "access") == ToString(RepositoryAccess::kEphemeral)) {
    spec.repository.access = RepositoryAccess::kEphemeral;
  }
  spec.working_dir = StringAt(json, "workingDir");
  spec.image = StringAt(json, "image", spec.image);
  if (const Json& env = FieldAt(json, "env"); env.is_array()) {
    for (const Json& variable : env) spec.env.push_back({StringAt(variable, "name"), StringAt(variable, "value")});
  }
  spec.stdin_data = StringAt(json, "stdin");
  spec.timeout = seconds(IntegerAt(json, "timeoutSeconds", spec.timeout.count()));
  spec.resources = ReadResourceRequest(FieldAt(json, "resources"));
  spec.max_output_bytes = IntegerAt(FieldAt(json, "output"), "maxBytes", spec.max_output_bytes);
  spec.runtime_class_name = StringAt(json, "runtimeClassName", spec.runtime_class_name);
  spec.node_selector = StringMapAt(json, "nodeSelector");
  spec.priority = IntegerAt(json, "priority", spec.priority);
  spec.retry_limit = IntegerAt(json, "retryLimit", spec.retry_limit);
  spec.ttl_after_finished = seconds(IntegerAt(json, "ttlSecondsAfterFinished", spec.ttl_after_finished.count()));
  spec.cancel = BooleanAt(json, "cancel");
  return spec;
}

std::optional<int> SmallIntegerAt(const Json& json, std::string_view key) {
  const auto value = OptionalIntegerAt(json, key);
  return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

std::optional<milliseconds> MillisAt(const Json& json, std::string_view key) {
  const auto value = OptionalIntegerAt(json, key);
  return value ? std::optional(milliseconds(*value)) : std::nullopt;
}

CommandResult ReadResult(const Json& json) {
  return {.exit_code = SmallIntegerAt(json, "exitCode"),
          .signal = SmallIntegerAt(json, "signal"),
          .timed_out = BooleanAt(json, "timedOut"),
          .oom_killed = BooleanAt(json, "oomKilled"),
          .stdout_text = StringAt(json, "stdout"),
          .stderr_text = StringAt(json, "stderr"),
          .stdout_bytes = IntegerAt(json, "stdoutBytes", 0),
          .stderr_bytes = IntegerAt(json, "stderrBytes", 0),
          .stdout_truncated = BooleanAt(json, "stdoutTruncated"),
          .stderr_truncated = BooleanAt(json, "stderrTruncated"),
          .output_encoding = StringAt(json, "outputEncoding") == ToString(OutputEncoding::kBase64)
                                 ? OutputEncoding::kBase64
                                 : OutputEncoding::kUtf8};
}

void WriteResult(const CommandResult& result, Json& json) {
  if (result.exit_code) json["exitCode"] = *result.exit_code;
  if (result.signal) json["signal"] = *result.signal;
  json["timedOut"] = result.timed_out;
  json["oomKilled"] = result.oom_killed;
  json["stdout"] = result.stdout_text;
  json["stderr"] = result.stderr_text;
  json["stdoutBytes"] = result.stdout_bytes;
  json["stderrBytes"] = result.stderr_bytes;
  json["stdoutTruncated"] = result.stdout_truncated;
  json["stderrTruncated"] = result.stderr_truncated;
  json["outputEncoding"] = ToString(result.output_encoding);
}

std::optional<IsolationStatus> ReadIsolation(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  return IsolationStatus{.runtime_class = StringAt(json, "runtimeClass"),
                         .handler = StringAt(json, "handler"),
                         .runtime = StringAt(json, "runtime"),
                         .version = StringAt(json, "version"),
                         .platform = StringAt(json, "platform"),
                         .network = StringAt(json, "network"),
                         .repository = StringAt(json, "repository")};
}

Json ToJson(const IsolationStatus& isolation) {
  return {{"runtimeClass", isolation.runtime_class},
          {"handler", isolation.handler},
          {"runtime", isolation.runtime},
          {"version", isolation.version},
          {"platform", isolation.platform},
          {"network", isolation.network},
          {"repository", isolation.repository}};
}

std::optional<Usage> ReadUsage(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  return Usage{.cpu = milliseconds(IntegerAt(json, "cpuMillis", 0)),
               .peak_memory_bytes = IntegerAt(json, "peakMemoryBytes", 0)};
}

void WriteTime(const std::optional<WallTime>& time, const char* key, Json& json) {
  if (time) json[key] = FormatMicroTime(*time);
}

}  // namespace

SandboxCommandStatus ReadSandboxCommandStatus(const nlohmann::json& json) {
  SandboxCommandStatus status;
  status.phase = ParsePhase(StringAt(json, "phase"));
  status.conditions = ReadConditions(FieldAt(json, "conditions"));
  status.node_name = StringAt(json, "nodeName");
  if (const Json& executor = FieldAt(json, "executor"); executor.is_object()) {
    status.executor = ExecutorReference{StringAt(executor, "podName"), StringAt(executor, "podUID")};
  }
  status.attempt = IntegerAt(json, "attempt", 0);
  status.retries = IntegerAt(json, "retries", 0);
  status.resources = ReadResources(FieldAt(json, "resources"));
  if (FieldAt(json, "stdoutBytes").is_number_integer()) status.result = ReadResult(json);
  status.isolation = ReadIsolation(FieldAt(json, "isolation"));
  status.queued_time = TimeAt(json, "queuedTime");
  status.start_time = TimeAt(json, "startTime");
  status.completion_time = TimeAt(json, "completionTime");
  status.duration = MillisAt(json, "durationMillis");
  status.startup = MillisAt(json, "startupMillis");
  if (json.contains("warm")) status.warm = BooleanAt(json, "warm");
  status.usage = ReadUsage(FieldAt(json, "usage"));
  status.stored_bytes = IntegerAt(json, "storedBytes", 0);
  return status;
}

std::string_view ToString(RepositoryAccess access) {
  switch (access) {
    case RepositoryAccess::kReadOnly: return "ReadOnly";
    case RepositoryAccess::kEphemeral: break;
  }
  return "Ephemeral";
}

std::string_view ToString(Phase phase) {
  switch (phase) {
    case Phase::kPending: return "Pending";
    case Phase::kScheduled: return "Scheduled";
    case Phase::kRunning: return "Running";
    case Phase::kSucceeded: return "Succeeded";
    case Phase::kFailed: return "Failed";
    case Phase::kTimedOut: return "TimedOut";
    case Phase::kCancelled: break;
  }
  return "Cancelled";
}

Result<SandboxCommand> ReadSandboxCommand(const nlohmann::json& object) {
  if (StringAt(object, "kind") != kSandboxCommandKind) {
    return Fail(ErrorCode::kInvalid, "read a {}: its kind is \"{}\"", kSandboxCommandKind, StringAt(object, "kind"));
  }
  auto metadata = ReadObjectMeta(object);
  if (!metadata) return Forward(std::move(metadata));
  return SandboxCommand{std::move(*metadata), ReadSpec(FieldAt(object, "spec")),
                        ReadSandboxCommandStatus(FieldAt(object, "status"))};
}

nlohmann::json ToJson(const SandboxCommandSpec& spec) {
  Json json = {{"repository", {{"path", spec.repository.path}, {"access", ToString(spec.repository.access)}}},
               {"image", spec.image},
               {"timeoutSeconds", spec.timeout.count()},
               {"output", {{"maxBytes", spec.max_output_bytes}}},
               {"runtimeClassName", spec.runtime_class_name},
               {"priority", spec.priority},
               {"retryLimit", spec.retry_limit},
               {"ttlSecondsAfterFinished", spec.ttl_after_finished.count()},
               {"cancel", spec.cancel}};
  if (!spec.command.empty()) json["command"] = spec.command;
  if (!spec.shell.empty()) json["shell"] = spec.shell;
  if (spec.resources != ResourceRequest()) json["resources"] = ToJson(spec.resources);
  if (!spec.working_dir.empty()) json["workingDir"] = spec.working_dir;
  if (!spec.stdin_data.empty()) json["stdin"] = spec.stdin_data;
  if (!spec.node_selector.empty()) json["nodeSelector"] = spec.node_selector;
  for (const EnvVar& variable : spec.env) json["env"].push_back({{"name", variable.name}, {"value", variable.value}});
  return json;
}

nlohmann::json ToJson(const SandboxCommandStatus& status) {
  Json json = Json::object();
  if (status.phase) json["phase"] = ToString(*status.phase);
  if (!status.conditions.empty()) json["conditions"] = ToJson(status.conditions);
  if (!status.node_name.empty()) json["nodeName"] = status.node_name;
  if (status.executor) {
    json["executor"] = {{"podName", status.executor->pod_name}, {"podUID", status.executor->pod_uid}};
  }
  if (status.attempt > 0) json["attempt"] = status.attempt;
  if (status.retries > 0) json["retries"] = status.retries;
  if (status.resources) json["resources"] = ToJson(*status.resources);
  if (status.result) WriteResult(*status.result, json);
  if (status.isolation) json["isolation"] = ToJson(*status.isolation);
  WriteTime(status.queued_time, "queuedTime", json);
  WriteTime(status.start_time, "startTime", json);
  WriteTime(status.completion_time, "completionTime", json);
  if (status.duration) json["durationMillis"] = status.duration->count();
  if (status.startup) json["startupMillis"] = status.startup->count();
  if (status.warm) json["warm"] = *status.warm;
  if (status.usage) {
    json["usage"] = {{"cpuMillis", status.usage->cpu.count()}, {"peakMemoryBytes", status.usage->peak_memory_bytes}};
  }
  if (status.stored_bytes > 0) json["storedBytes"] = status.stored_bytes;
  return json;
}

}  // namespace fumehood::api
