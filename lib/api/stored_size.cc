#include "lib/api/stored_size.h"

#include <string>

#include "lib/api/output_encoding.h"

namespace fumehood::api {
namespace {

// Metadata with its managed fields, and every field with a fixed size, of an ordinary finished command.
constexpr int64_t kRest = 3'072;

int64_t Size(const std::string& text) { return static_cast<int64_t>(EscapedSize(text)); }

}  // namespace

int64_t StoredBytes(const SandboxCommandSpec& spec) {
  int64_t bytes = Size(spec.shell) + Size(spec.stdin_data) + Size(spec.repository.path) + Size(spec.working_dir);
  for (const std::string& argument : spec.command) bytes += Size(argument);
  for (const EnvVar& variable : spec.env) bytes += Size(variable.name) + Size(variable.value);
  return bytes;
}

int64_t StoredBytes(const SandboxCommandStatus& status) {
  int64_t bytes = kRest;
  if (status.result) bytes += Size(status.result->stdout_text) + Size(status.result->stderr_text);
  for (const Condition& condition : status.conditions) bytes += Size(condition.message);
  return bytes;
}

}  // namespace fumehood::api
