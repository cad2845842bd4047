#pragma once

#include <filesystem>
#include <string_view>

namespace fumehood::sandbox {

// A directory of its own for a test, removed at its end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// Writes a file, with the directories above it.
void WriteFile(const std::filesystem::path& path, std::string_view content);

}  // namespace fumehood::sandbox
