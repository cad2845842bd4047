// The Docker engine that `fumehood run` would use, and whether gVisor works in it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/doctor/check.h"
#include "cli/local_options.h"
#include "lib/base/result.h"
#include "lib/sandbox/docker_client.h"

namespace fumehood::cli::doctor {

struct Docker {
  Result<sandbox::DockerClient> client;
  // What the engine says about itself; where it doesn't answer, why.
  Result<nlohmann::json> info = Fail(ErrorCode::kNotFound, "there is no docker");
  std::string endpoint = {};  // "unix:///var/run/docker.sock"
  std::string image = {};
  bool has_image = false;
};

Docker LookAtDocker(const LocalOptions& options);

Check CheckDockerProgram(const Docker& docker);
Check CheckDockerEngine(const Docker& docker);
Check CheckDockerGroup(const Docker& docker);
Check CheckDockerRuntime(const Docker& docker);
Check CheckDockerImage(const Docker& docker);
// Starts a container with gVisor; `before` are the checks above.
Check CheckDockerSandbox(const std::vector<Check>& before, const LocalOptions& options);

}  // namespace fumehood::cli::doctor
