#include "lib/kube/watch_event.h"

#include <utility>

#include "lib/kube/api_error.h"
#include "lib/kube/parse_json.h"

namespace fumehood::kube {
namespace {

using nlohmann::json;

constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

// The member `key` as a string, "" where it is missing or something else.
std::string StringAt(const json& object, std::string_view key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const json& MemberAt(const json& object, std::string_view key) {
  static const json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found != object.end() ? *found : kNothing;
}

}  // namespace

Result<WatchEvent> ParseWatchEvent(std::string_view line) {
  auto read = ParseJson(line);
  if (!read) return Wrap(std::move(read).error(), "read a line of the watch");
  json& parsed = *read;
  if (!MemberAt(parsed, "object").is_object()) {
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
         StringAt(MemberAt(MemberAt(event.object, "metadata"), "annotations"), kInitialEventsEnd) == "true";
}

std::string ResourceVersionOf(const json& object) { return StringAt(MemberAt(object, "metadata"), "resourceVersion"); }

}  // namespace fumehood::kube
