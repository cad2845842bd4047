#include "lib/kube/watch_event.h"

#include <utility>

#include "lib/base/json_fields.h"
#include "lib/kube/api_error.h"
#include "lib/kube/parse_json.h"

namespace fumehood::kube {
namespace {

using nlohmann::json;

constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

}  // namespace

Result<WatchEvent> ParseWatchEvent(std::string_view line) {
  auto read = ParseJson(line);
  if (!read) return Wrap(std::move(read).error(), "read a line of the watch");
  json& parsed = *read;
  if (!FieldAt(parsed, "object").is_object()) {
    return Fail(ErrorCode::kInternal, "a line of the watch is not an event: {}", line.substr(0, 200));
  }
  const std::string type = StringAt(parsed, "type");
  json& object = parsed["object"];
  if (type == "ERROR") return std::unexpected(ErrorFromStatus(object));

  WatchEvent event;
  if (type == "ADDED") {
    event.type = WatchEvent::Type::kAdded;
  } else if (type == "MODIFIED") {
    event.type = WatchEvent::Type::kModified;
  } else if (type == "DELETED") {
    event.type = WatchEvent::Type::kDeleted;
  } else if (type == "BOOKMARK") {
    event.type = WatchEvent::Type::kBookmark;
  } else {
    return Fail(ErrorCode::kInternal, "the watch has an event of unknown type \"{}\"", type);
  }
  if (ResourceVersionOf(object).empty()) {
    return Fail(ErrorCode::kInternal, "a {} event of the watch has no metadata.resourceVersion", type);
  }
  event.object = std::move(object);
  return event;
}

bool EndsInitialEvents(const WatchEvent& event) {
  return event.type == WatchEvent::Type::kBookmark &&
         StringAt(FieldAt(FieldAt(event.object, "metadata"), "annotations"), kInitialEventsEnd) == "true";
}

std::string ResourceVersionOf(const json& object) { return StringAt(FieldAt(object, "metadata"), "resourceVersion"); }

}  // namespace fumehood::kube
