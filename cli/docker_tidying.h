#pragma once

#include "cli/local_options.h"

namespace fumehood::cli {

// Has what died runs have left in the Docker engine removed (RemoveAbandonedContainers), at most once an hour, by a
// process that goes on when this one has ended: nobody waits for it. Call it while there is one thread.
void TidyDockerBehind(const LocalOptions& options);

}  // namespace fumehood::cli
