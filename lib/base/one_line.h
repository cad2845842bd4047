#pragma once

#include <string>

namespace fumehood {

// What somebody else's program said, as part of a message or a log: control characters are blanks, and none surround
// it.
std::string OneLine(std::string text);

}  // namespace fumehood
