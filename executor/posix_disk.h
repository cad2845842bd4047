#pragma once

#include <filesystem>
#include <memory>

#include "executor/disk.h"
#include "lib/base/result.h"

namespace fumehood::executor {

// The machine's file system. The directory is made where it is missing, for its owner only: it holds what commands
// printed. The lock is a flock on the file "lock" in it, which the kernel releases when the process dies.
Result<std::unique_ptr<Disk>> OpenPosixDisk(const std::filesystem::path& directory);

}  // namespace fumehood::executor
