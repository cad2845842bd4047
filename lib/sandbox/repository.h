// The repository of a command, from the host's side.
#pragma once

#include <filesystem>
#include <string_view>
#include <variant>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"
#include "lib/sandbox/mount_point.h"
#include "lib/sandbox/run.h"

namespace fumehood::sandbox {

// Opens the directory `path` below the directory `root`, without following a symbolic link anywhere on the
// way and without leaving the directory `readable` below `root`, whatever is renamed meanwhile: it is reached from a
// descriptor of that one. `path` is `readable` or below it; an empty `readable` is `root` itself. A path that can't be
// a repository is NotStarted, with a message that names it as the user knows it; an Error means that we could not look.
Result<std::variant<UniqueFd, NotStarted>> OpenRepository(int root, std::string_view readable, std::string_view path);

// Makes `directory` and everything mounted below it visible at `target`: read-only, without set-user-id
// programs and devices, and cut off from later mounts on the source. It is never writable at `target`, not
// even for a moment.
Result<MountPoint> MountReadOnly(int directory, const std::filesystem::path& target);

}  // namespace fumehood::sandbox
