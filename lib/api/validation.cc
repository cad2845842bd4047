#include "lib/api/validation.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

namespace fumehood::api {
namespace {

constexpr size_t kMaxPathBytes = 1'024;
constexpr int64_t kMaxOutputBytes = 262'144;
constexpr std::chrono::seconds kMaxTimeout{86'400};
constexpr int64_t kMaxPriority = 1'000;

bool HasNul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

bool IsEnvName(std::string_view name) {
  const auto is_word = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
         std::ranges::all_of(name, is_word);
}

Status CheckProgram(const SandboxCommandSpec& spec) {
  if (spec.command.empty() == spec.shell.empty()) {
    return Fail(ErrorCode::kInvalid, "spec.command, spec.shell: exactly one of the two must be given");
  }
  if (!spec.command.empty() && spec.command.front().empty()) {
    return Fail(ErrorCode::kInvalid, "spec.command[0]: the program must not be empty");
  }
  if (std::ranges::any_of(spec.command, HasNul)) {
    return Fail(ErrorCode::kInvalid, "spec.command: an argument can't contain a NUL character");
  }
  if (HasNul(spec.shell)) return Fail(ErrorCode::kInvalid, "spec.shell: must not contain a NUL character");
  return {};
}

Status CheckPaths(const SandboxCommandSpec& spec) {
  if (!IsCleanRelativePath(spec.repository.path)) {
    return Fail(
        ErrorCode::kInvalid,
        "spec.repository.path: \"{}\" must be a relative path below the repository root, without empty, \".\" or "
        "\"..\" parts",
        spec.repository.path);
  }
  if (!spec.working_dir.empty() && !IsCleanRelativePath(spec.working_dir)) {
    return Fail(ErrorCode::kInvalid,
                "spec.workingDir: \"{}\" must be a relative path below the repository, without empty, \".\" or \"..\" "
                "parts",
                spec.working_dir);
  }
  return {};
}

Status CheckEnv(const SandboxCommandSpec& spec) {
  for (const EnvVar& variable : spec.env) {
    if (Status checked = CheckVariable(variable); !checked) return Wrap(std::move(checked).error(), "spec.env");
  }
  return {};
}

Status CheckLimits(const SandboxCommandSpec& spec) {
  if (spec.timeout < std::chrono::seconds(1) || spec.timeout > kMaxTimeout) {
    return Fail(ErrorCode::kInvalid, "spec.timeoutSeconds: {} is not between 1 and {}", spec.timeout.count(),
                kMaxTimeout.count());
  }
  if (spec.max_output_bytes < 0 || spec.max_output_bytes > kMaxOutputBytes) {
    return Fail(ErrorCode::kInvalid, "spec.output.maxBytes: {} is not between 0 and {}", spec.max_output_bytes,
                kMaxOutputBytes);
  }
  if (spec.priority < -kMaxPriority || spec.priority > kMaxPriority) {
    return Fail(ErrorCode::kInvalid, "spec.priority: {} is not between {} and {}", spec.priority, -kMaxPriority,
                kMaxPriority);
  }
  auto resources = Resolve(spec.resources, kLeastResources);
  if (!resources) return Forward(std::move(resources));
  return {};
}

}  // namespace

Status Validate(const SandboxCommandSpec& spec) {
  for (const auto check : {CheckProgram, CheckPaths, CheckEnv, CheckLimits}) {
    if (Status checked = check(spec); !checked) return checked;
  }
  return {};
}

Status CheckVariable(const EnvVar& variable) {
  if (!IsEnvName(variable.name)) {
    return Fail(ErrorCode::kInvalid,
                "\"{}\" is not a variable's name: letters, digits and '_', not beginning with a digit", variable.name);
  }
  if (HasNul(variable.value)) {
    return Fail(ErrorCode::kInvalid, "the value of {} can't contain a NUL character", variable.name);
  }
  return {};
}

bool IsCleanRelativePath(std::string_view path) {
  if (path.empty() || path.size() > kMaxPathBytes) return false;
  if (std::ranges::any_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7F; })) return false;
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace fumehood::api
