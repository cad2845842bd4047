#pragma once

#include "lib/base/result.h"

namespace fumehood::sandbox {

// Whether this process may mount and make namespaces as it is: it has CAP_SYS_ADMIN.
bool MayMount();

// Makes this process root of a user namespace of its own, in which it may mount and make PID namespaces; everywhere
// else it stays who it was. Call it while there is one thread, before EnterContainment. An Error says which setting of
// the host forbids it.
Status EnterUserNamespace();

}  // namespace fumehood::sandbox
