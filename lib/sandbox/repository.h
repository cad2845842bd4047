// The repository of a command, from the host's side.
#pragma once

#include <filesystem>
#include <string_view>
#include <variant>

#include "lib/base/result.h"
#include "lib/base/unique_fd.h"
#include "lib/sandbox/mount_point.h"
#include "lib/sandbox/owner_mapping.h"
#include "lib/sandbox/run.h"

namespace fumehood::sandbox {

// Opens the directory `path` below the directory `root`, without following a symbolic link anywhere on the
// way and without leaving the directory `readable` below `root`, whatever is renamed meanwhile: it is reached from a
// descriptor of that one. `path` is `readable` or below it; an empty `readable` is `root` itself. A path that can't be
// a repository is NotStarted, with a message that names it as the user knows it; an Error means that we could not look.
Result<std::variant<UniqueFd, NotStarted>> OpenRepository(int root, std::string_view readable, std::string_view path);

// Makes `directory` and everything mounted below it visible at `target`: read-only, without set-user-id
// programs and devices, and cut off from later mounts on the source. It is never writable at `target`, not
// even for a moment. With a user namespace, owners are as it maps them; what is mounted below and can't do that stays
// as it is.
Result<MountPoint> MountReadOnly(int directory, const std::filesystem::path& target, int user_namespace = -1);

// The same, with whatever belongs to the directory's owner belonging to the command's user. Where the file system can't
// do that, the repository is shown as it is, if that is any use: with access Ephemeral it is none, and neither is it
// where others than the owner may not read it. Then it is NotStarted, with a message that calls it `name`.
Result<std::variant<MountPoint, NotStarted>> MountForCommand(int directory, const std::filesystem::path& target,
                                                             std::string_view name, RepositoryAccess access,
                                                             OwnerMappings& mappings);

}  // namespace fumehood::sandbox
