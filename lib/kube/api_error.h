// What the API server's refusals mean to a caller.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "lib/base/result.h"
#include "lib/kube/transport.h"

namespace fumehood::kube {

// Whether a failed request may have changed something.
enum class RequestEffect { kRead, kWrite };

// The Error for an answer that is not a success. `what` says what was tried: `get nodes "n1"`. The message
// carries the server's own, shortened and on one line. A write that the server, or a proxy before it, gave up
// on in the middle (500, 502, 504) is kOutcomeUnknown.
Error ErrorFromAnswer(const HttpResponse& response, RequestEffect effect, std::string_view what);

// The Error for a metav1.Status that came as data, such as the object of a watch's ERROR event.
Error ErrorFromStatus(const nlohmann::json& status);

}  // namespace fumehood::kube
