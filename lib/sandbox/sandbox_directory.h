#pragma once

#include <filesystem>
#include <string>

#include "lib/base/result.h"

namespace fumehood::sandbox {

// Owns the directory of one sandbox on the host, and removes it when it goes away. What is mounted at
// repository() must have been unmounted before; a directory that is still mounted is left alone, never
// emptied.
class SandboxDirectory {
 public:
  // Below `pool`, with a name of its own.
  static Result<SandboxDirectory> Create(const std::filesystem::path& pool);
  SandboxDirectory(SandboxDirectory&& other) noexcept;
  SandboxDirectory& operator=(SandboxDirectory&&) = delete;
  ~SandboxDirectory();

  // Unique on this machine for all practical purposes.
  std::string id() const { return path_.filename().string(); }
  // What the sandbox sees of the host.
  std::filesystem::path late() const { return path_ / kLate; }
  // Where the repository is mounted, below late().
  std::filesystem::path repository() const { return path_ / kRepository; }
  // Where another directory of that number is mounted, below late().
  std::filesystem::path other(size_t number) const { return path_ / kOthers / std::to_string(number); }
  std::filesystem::path bundle() const { return path_ / kBundle; }
  // Where the runtime keeps its state, and nothing else.
  std::filesystem::path runtime_root() const { return path_ / kRuntimeRoot; }
  std::filesystem::path pid_file() const { return path_ / kPidFile; }
  // What the runtime takes for the machine's /proc/meminfo.
  std::filesystem::path memory_info() const { return path_ / kMemoryInfo; }

  // Removes what a Create of an earlier process left at `path`, with the same care.
  static void Remove(const std::filesystem::path& path);

 private:
  static constexpr char kLate[] = "late";
  static constexpr char kRepository[] = "late/repo";
  static constexpr char kOthers[] = "late/others";
  static constexpr char kBundle[] = "bundle";
  static constexpr char kRuntimeRoot[] = "runtime";
  static constexpr char kPidFile[] = "pid";
  static constexpr char kMemoryInfo[] = "meminfo";

  explicit SandboxDirectory(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

}  // namespace fumehood::sandbox
