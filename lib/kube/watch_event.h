#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood::kube {

// One line of a watch. (The server's ERROR lines are Errors here.)
struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted, kBookmark };
  Type type = Type::kAdded;
  // Of a bookmark, only the resource version and the annotations mean anything.
  nlohmann::json object;
};

// Reads one line. An ERROR event becomes the Error that its Status describes, 410 as kGone; a line that is not a
// watch event is kInternal.
Result<WatchEvent> ParseWatchEvent(std::string_view line);

// Whether this bookmark ends the initial events of a streaming list.
bool EndsInitialEvents(const WatchEvent& event);

// metadata.resourceVersion, or "" where there is none.
std::string ResourceVersionOf(const nlohmann::json& object);

}  // namespace fumehood::kube
