#pragma once

#include <filesystem>

#include "lib/base/result.h"

namespace fumehood::sandbox {

// Makes everything that this program starts, mounts and stores in `state` vanish with it, also when it is
// killed.
//
// Call it first in main, while there is one thread. The program goes on in a grandchild; three processes
// remain:
//   outer   waits. Hands SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 on, and exits as the program
//   does
//           (128 + n when a signal ended it).
//   reaper  PID 1 of a PID namespace of its own: reaps what loses its parent, such as the processes of
//   sandboxes. program returns from this call, in its own mount namespace, with a /proc of its own and an
//   empty tmpfs at `state`
//           (made where it is missing; the empty directory itself stays).
// When one of the three dies, the kernel kills whatever is in the PID namespace, and then the mounts are gone
// as well. What the host mounts later still arrives in the program's mount namespace; nothing goes the other
// way.
//
// Needs CAP_SYS_ADMIN, also inside of a container. An Error may be returned in any of the three: report it
// and exit. There is no going on without containment.
Status EnterContainment(const std::filesystem::path& state);

}  // namespace fumehood::sandbox
