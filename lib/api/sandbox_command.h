// SandboxCommand: one command, one result. The schema is crds/fumehood.dev_sandboxcommands.yaml; a test keeps both
// alike.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/api/condition.h"
#include "lib/api/object_meta.h"
#include "lib/api/resources.h"
#include "lib/base/result.h"

namespace fumehood::api {

// What the command may do to its repository: nothing, or whatever it likes to a copy in memory that goes with it.
enum class RepositoryAccess { kReadOnly, kEphemeral };

std::string_view ToString(RepositoryAccess access);

struct Repository {
  std::string path;  // below the executors' repository root: clean and relative
  RepositoryAccess access = RepositoryAccess::kReadOnly;
};

struct EnvVar {
  std::string name;
  std::string value;
};

struct SandboxCommandSpec {
  // Exactly one of the two is not empty.
  std::vector<std::string> command;
  std::string shell;
  Repository repository;
  std::string working_dir;  // relative to the repository
  std::string image = "default";
  std::vector<EnvVar> env;
  std::string stdin_data;
  std::chrono::seconds timeout{60};
  ResourceRequest resources;
  int64_t max_output_bytes = 16'384;  // of each stream
  std::string runtime_class_name = "gvisor";
  std::map<std::string, std::string> node_selector;
  int64_t priority = 0;     // of those that wait, the higher start first
  int64_t retry_limit = 2;  // how many times it may be bound anew after an executor was lost or could not run it
  std::chrono::seconds ttl_after_finished{3'600};
  bool cancel = false;
};

enum class Phase { kPending, kScheduled, kRunning, kSucceeded, kFailed, kTimedOut, kCancelled };

std::string_view ToString(Phase phase);

// Which process answers for a node, for people: what fences is the node and the attempt.
struct ExecutorReference {
  std::string pod_name;
  std::string pod_uid;
};

enum class OutputEncoding { kUtf8, kBase64 };

// What really confined the command.
struct IsolationStatus {
  std::string runtime_class;
  std::string handler;
  std::string runtime;
  std::string version;
  std::string platform;
  std::string network;
  std::string repository;
};

// The result of a command that has ended, or as much of it as there is.
struct CommandResult {
  std::optional<int> exit_code;
  std::optional<int> signal;
  bool timed_out = false;
  bool oom_killed = false;
  std::string stdout_text;
  std::string stderr_text;
  int64_t stdout_bytes = 0;  // as written by the command, kept or not
  int64_t stderr_bytes = 0;
  bool stdout_truncated = false;
  bool stderr_truncated = false;
  OutputEncoding output_encoding = OutputEncoding::kUtf8;
};

// What the command used with the sandbox around it, measured outside of it.
struct Usage {
  std::chrono::milliseconds cpu{0};
  int64_t peak_memory_bytes = 0;
};

struct SandboxCommandStatus {
  std::optional<Phase> phase;
  std::vector<Condition> conditions;
  std::string node_name;
  std::optional<ExecutorReference> executor;
  int64_t attempt = 0;                 // 0: never bound
  int64_t retries = 0;                 // those of the attempts that count against spec.retryLimit
  std::optional<Resources> resources;  // as they hold, since it was bound
  std::optional<CommandResult> result;
  std::optional<IsolationStatus> isolation;
  std::optional<WallTime> queued_time;
  std::optional<WallTime> start_time;
  std::optional<WallTime> completion_time;
  std::optional<std::chrono::milliseconds> duration;
  std::optional<std::chrono::milliseconds> startup;
  std::optional<bool> warm;  // nothing where it was never started
  std::optional<Usage> usage;
  int64_t stored_bytes = 0;  // of the finished object in the API server's storage, estimated
};

struct SandboxCommand {
  ObjectMeta metadata;
  SandboxCommandSpec spec;
  SandboxCommandStatus status;

  // It has its result, which never changes any more.
  bool IsFinished() const { return status.completion_time.has_value(); }
  // It is an executor's business now: bound, and not finished.
  bool IsBound() const {
    return !IsFinished() && (status.phase == Phase::kScheduled || status.phase == Phase::kRunning);
  }
  // Somebody wants it to end.
  bool IsCancelled() const { return spec.cancel || metadata.deletion_timestamp.has_value(); }
};

// Reads the whole object. Absent fields get the schema's defaults. kInvalid when it isn't a SandboxCommand.
Result<SandboxCommand> ReadSandboxCommand(const nlohmann::json& object);

// Reads a status alone, as ToJson wrote it. What is missing is not there: a status has no defaults.
SandboxCommandStatus ReadSandboxCommandStatus(const nlohmann::json& json);

nlohmann::json ToJson(const SandboxCommandSpec& spec);
nlohmann::json ToJson(const SandboxCommandStatus& status);

}  // namespace fumehood::api
