#include "lib/api/object_meta.h"

#include "lib/base/json_fields.h"

namespace fumehood::api {

Result<ObjectMeta> ReadObjectMeta(const nlohmann::json& object) {
  const Json& metadata = FieldAt(object, "metadata");
  ObjectMeta meta{.ns = StringAt(metadata, "namespace"),
                  .name = StringAt(metadata, "name"),
                  .uid = StringAt(metadata, "uid"),
                  .resource_version = StringAt(metadata, "resourceVersion"),
                  .deletion_timestamp = TimeAt(metadata, "deletionTimestamp"),
                  .labels = StringMapAt(metadata, "labels")};
  if (meta.name.empty() || meta.uid.empty()) {
    return Fail(ErrorCode::kInvalid, "read a {}: it has no metadata.name or no metadata.uid",
                StringAt(object, "kind", "object"));
  }
  return meta;
}

std::string FullName(const ObjectMeta& metadata) {
  return metadata.ns.empty() ? metadata.name : metadata.ns + "/" + metadata.name;
}

}  // namespace fumehood::api
