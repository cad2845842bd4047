// Reading and writing what is in a cgroup's directory.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/unique_fd.h"

namespace fumehood::sandbox {

// 0, or the errno. A file that isn't there is never made.
int WriteCgroupFile(int directory, const char* file, std::string_view text);

// Nothing, with errno set, where it can't be read.
std::optional<std::string> ReadCgroupFile(int directory, const char* file);

// Opens a directory by its path relative to `directory`, which may be empty; invalid, with errno set, where it can't.
UniqueFd OpenCgroupDirectory(int directory, const char* path);

}  // namespace fumehood::sandbox
