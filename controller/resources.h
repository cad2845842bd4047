// The kinds of objects that the controller reads and writes, as they stand in URLs.
#pragma once

#include "lib/api/names.h"
#include "lib/kube/client.h"

namespace fumehood::controller {

inline const kube::ResourceType kSandboxCommands{std::string(api::kGroup), std::string(api::kVersion),
                                                 std::string(api::kSandboxCommandPlural), kube::Scope::kNamespaced};
inline const kube::ResourceType kSandboxExecutors{std::string(api::kGroup), std::string(api::kVersion),
                                                  std::string(api::kSandboxExecutorPlural), kube::Scope::kCluster};
inline const kube::ResourceType kRuntimeClasses{"node.k8s.io", "v1", "runtimeclasses", kube::Scope::kCluster};
inline const kube::ResourceType kNodes{"", "v1", "nodes", kube::Scope::kCluster};

}  // namespace fumehood::controller
