// What we read of Kubernetes' own objects to choose a node.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "lib/api/object_meta.h"
#include "lib/base/result.h"

namespace fumehood::api {

// node.k8s.io/v1 RuntimeClass.
struct RuntimeClass {
  ObjectMeta metadata;
  std::string handler;
  std::map<std::string, std::string> node_selector;  // scheduling.nodeSelector
};

// v1 Node: its labels are in the metadata.
struct Node {
  ObjectMeta metadata;
};

Result<RuntimeClass> ReadRuntimeClass(const nlohmann::json& object);
Result<Node> ReadNode(const nlohmann::json& object);

// Whether `labels` have every entry of `selector`.
bool Selects(const std::map<std::string, std::string>& selector, const std::map<std::string, std::string>& labels);

}  // namespace fumehood::api
