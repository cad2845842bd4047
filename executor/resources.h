// The kinds of objects that the executor reads and writes, as they stand in URLs.
#pragma once

#include "lib/api/names.h"
#include "lib/kube/client.h"

namespace fumehood::executor {

inline const kube::ResourceType kSandboxCommands{std::string(api::kGroup), std::string(api::kVersion),
                                                 std::string(api::kSandboxCommandPlural), kube::Scope::kNamespaced};
inline const kube::ResourceType kSandboxExecutors{std::string(api::kGroup), std::string(api::kVersion),
                                                  std::string(api::kSandboxExecutorPlural), kube::Scope::kCluster};

}  // namespace fumehood::executor
