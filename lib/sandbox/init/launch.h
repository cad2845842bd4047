#pragma once

#include <sys/types.h>

#include <variant>

#include "lib/sandbox/init_protocol.h"

namespace fumehood::sandbox::init {

// Starts the command as its user, in a session of its own, with nothing but its three standard descriptors;
// its output goes to this process's own. Answers once the program runs, with its process, or with the step
// that failed.
std::variant<pid_t, NotStarted> Launch(const HandOver& hand_over);

}  // namespace fumehood::sandbox::init
