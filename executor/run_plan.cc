#include "executor/run_plan.h"

#include <algorithm>

namespace fumehood::executor {

namespace {

sandbox::RepositoryAccess ToAccess(api::RepositoryAccess access) {
  switch (access) {
    case api::RepositoryAccess::kReadOnly: return sandbox::RepositoryAccess::kReadOnly;
    case api::RepositoryAccess::kEphemeral: return sandbox::RepositoryAccess::kEphemeral;
  }
  return sandbox::RepositoryAccess::kReadOnly;
}

}  // namespace

sandbox::RunRequest PlanRun(const api::SandboxCommandSpec& spec, const std::optional<api::Resources>& resources,
                            const std::string& readable, const std::vector<api::EnvVar>& image_env) {
  sandbox::RunRequest request;
  request.argv = spec.shell.empty() ? spec.command : std::vector<std::string>{"/bin/sh", "-c", spec.shell};
  for (const api::EnvVar& variable : image_env) {
    if (std::ranges::find(spec.env, variable.name, &api::EnvVar::name) == spec.env.end()) {
      request.env.push_back(variable.name + "=" + variable.value);
    }
  }
  for (const api::EnvVar& variable : spec.env) request.env.push_back(variable.name + "=" + variable.value);
  request.stdin_data = spec.stdin_data;
  request.image = spec.image;
  request.repository_path = spec.repository.path;
  request.readable_path = readable;
  request.access = ToAccess(spec.repository.access);
  if (resources) {
    request.limits = {.cpu_millicores = static_cast<uint32_t>(resources->cpu_millis),
                      .memory_bytes = static_cast<uint64_t>(resources->memory_bytes),
                      .pids = static_cast<uint32_t>(resources->pids),
                      .scratch_bytes = static_cast<uint64_t>(resources->scratch_bytes)};
  }
  request.working_dir = spec.working_dir;
  request.timeout = spec.timeout;
  request.max_output_bytes = static_cast<uint64_t>(spec.max_output_bytes);
  return request;
}

}  // namespace fumehood::executor
