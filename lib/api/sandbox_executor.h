// SandboxExecutor: what the executor of one node offers. The object is named after its node; it has no spec.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lib/api/condition.h"
#include "lib/api/object_meta.h"
#include "lib/api/sandbox_command.h"
#include "lib/base/result.h"

namespace fumehood::api {

// What runs the sandboxes.
struct RuntimeStatus {
  std::string name;      // "runsc"
  std::string version;   // as it says itself
  std::string platform;  // "systrap"
};

// What all commands of the executor together may use. What is missing is not counted.
struct Allocatable {
  std::optional<int64_t> cpu_millis;
  std::optional<int64_t> memory_bytes;

  bool operator==(const Allocatable&) const = default;
};

struct SandboxExecutorStatus {
  ExecutorReference executor;
  int64_t slots = 0;  // commands at once
  Allocatable allocatable = {};
  std::vector<std::string> images;    // root file systems that commands may name
  std::vector<std::string> handlers;  // handlers of RuntimeClasses that it serves
  RuntimeStatus runtime;
  std::vector<Condition> conditions;
};

struct SandboxExecutor {
  ObjectMeta metadata;
  SandboxExecutorStatus status;
};

// kInvalid when it isn't a SandboxExecutor.
Result<SandboxExecutor> ReadSandboxExecutor(const nlohmann::json& object);

nlohmann::json ToJson(const SandboxExecutorStatus& status);

}  // namespace fumehood::api
