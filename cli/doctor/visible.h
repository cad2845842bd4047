#pragma once

#include <filesystem>
#include <string>

#include "cli/doctor/check.h"
#include "cli/local_command.h"
#include "cli/local_options.h"

namespace fumehood::cli::doctor {

// Whether a command finds in its working directory what is there on this machine: lists it in a sandbox, not `auto`.
// An engine of Docker on another machine, or in a virtual one, can have another directory of the same name, or none.
Check CheckVisible(std::string name, Isolation isolation, const LocalCommand& command, const LocalOptions& options);

}  // namespace fumehood::cli::doctor
