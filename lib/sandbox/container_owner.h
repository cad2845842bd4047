#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace fumehood::sandbox {

// The label by which a container says whose it is.
inline constexpr char kOwnerLabel[] = "dev.fumehood.owner";

// Names a process among all that this machine has ever had: the boot, the PID namespace, the number and the start time,
// "BOOT/NAMESPACE/PID/START".
std::string OwnerOf(pid_t pid);

// Whether the process that is named so is gone. Of another boot or PID namespace nobody can tell: it may be one of
// another machine with the same engine, or of a container. False then, as for what is no such name.
bool IsGone(std::string_view owner);

}  // namespace fumehood::sandbox
