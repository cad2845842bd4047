#pragma once

#include "lib/base/result.h"
#include "lib/sandbox/docker_client.h"

namespace fumehood::sandbox {

// Removes the containers of runs whose process has died, and its watchman with it: nobody else would end their command.
// A container whose owner may be alive is left alone. Safe to call at any time, from several processes too.
Status RemoveAbandonedContainers(const DockerClient& docker);

}  // namespace fumehood::sandbox
