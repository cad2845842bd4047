#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "lib/base/result.h"
#include "lib/base/time.h"

namespace fumehood::api {

// What we use of an object's metadata.
struct ObjectMeta {
  std::string ns;  // empty for a cluster-scoped object
  std::string name;
  std::string uid;
  std::string resource_version;
  std::optional<WallTime> deletion_timestamp;  // set: somebody asked for the object's deletion
  std::map<std::string, std::string> labels;
};

// `object` is the whole object. kInvalid where name or uid is missing.
Result<ObjectMeta> ReadObjectMeta(const nlohmann::json& object);

// "namespace/name", or the name of a cluster-scoped object: for messages.
std::string FullName(const ObjectMeta& metadata);

}  // namespace fumehood::api
