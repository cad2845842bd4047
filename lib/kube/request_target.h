// What may stand in the first line and in the headers of a request.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood::kube {

// Escapes everything but RFC 3986's unreserved characters, so that `text` can be one path segment or one query value.
std::string PercentEncode(std::string_view text);

// kInvalid unless `target` is an absolute path with an optional query, made only of characters that RFC 3986 allows
// there: nothing in it can end the line, begin a header, or name another host.
Status CheckRequestTarget(std::string_view target);

// kInvalid unless `value` is printable ASCII: nothing in it can begin another header. The message names the header,
// never its value, which may be secret.
Status CheckHeaderValue(std::string_view header, std::string_view value);

}  // namespace fumehood::kube
