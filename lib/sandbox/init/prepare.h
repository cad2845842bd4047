#pragma once

#include <optional>

#include "lib/sandbox/init_protocol.h"

namespace fumehood::sandbox::init {

// Makes the world that the command will see: scratch space of the requested size, and its repository at
// /workspace. Answers with the step that failed, or nothing.
std::optional<NotStarted> Prepare(const HandOver& hand_over);

}  // namespace fumehood::sandbox::init
