// What may stand in the first line and in the headers of a request.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/kube/transport.h"

namespace fumehood::kube {

// Escapes everything but RFC 3986's unreserved characters, so that `text` can be one path segment or one query value.
std::string PercentEncode(std::string_view text);

// kInvalid unless `target` is an absolute path with an optional query, made only of characters that RFC 3986
// allows there: nothing in it can end the line, begin a header, or name another host.
Status CheckRequestTarget(std::string_view target);

// kInvalid unless `value` is printable ASCII: nothing in it can begin another header. The message names the
// header, never its value, which may be secret.
Status CheckHeaderValue(std::string_view header, std::string_view value);

// Both of the above for each part of `request`; and a read must have no body, but a write one, without which
// the HTTP library could send it twice.
Status CheckRequest(const HttpRequest& request);

}  // namespace fumehood::kube
