#pragma once

#include <string>

#include "lib/api/sandbox_command.h"
#include "lib/kube/client.h"

namespace fumehood::controller {

// One command, not whatever has its name: a successor of the same name is another key.
struct CommandKey {
  kube::ObjectName name;
  std::string uid;

  auto operator<=>(const CommandKey&) const = default;
};

inline CommandKey KeyOf(const api::SandboxCommand& command) {
  return {{command.metadata.ns, command.metadata.name}, command.metadata.uid};
}

}  // namespace fumehood::controller
