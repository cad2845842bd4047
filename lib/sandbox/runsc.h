#pragma once

#include <filesystem>
#include <string>

#include "lib/base/result.h"
#include "lib/sandbox/child_process.h"
#include "lib/sandbox/confined_child.h"
#include "lib/sandbox/sandbox_directory.h"

namespace fumehood::sandbox {

// The gVisor runtime's command line: the only thing of gVisor that we drive. Safe to use from several
// threads.
class Runsc {
 public:
  static constexpr char kNetwork[] = "none";

  // What `program` says about its version: "release-20260901.0". What doesn't answer as runsc is an Error (kInvalid).
  static Result<std::string> AskVersion(const std::filesystem::path& program);

  // `shared_root` is a directory that all sandboxes have in common; `platform` is how gVisor gets hold of the system
  // calls (gvisor.dev, "Platforms").
  Runsc(std::filesystem::path program, std::filesystem::path shared_root, std::string platform, std::string version)
      : program_(std::move(program)),
        shared_root_(std::move(shared_root)),
        platform_(std::move(platform)),
        version_(std::move(version)) {}

  const std::string& version() const { return version_; }
  const std::string& platform() const { return platform_; }

  // Starts the bundle in `directory` and leaves it running; its process is in directory.pid_file()
  // afterwards. The streams are the sandbox's; when this fails, runsc has written the reason to
  // `streams.err`.
  Status Start(const SandboxDirectory& directory, StandardStreams streams, const Confinement& confinement) const;

  // Kills and forgets what a failed Start may have left.
  void Delete(const SandboxDirectory& directory) const;

 private:
  std::vector<std::string> CommandLine(const SandboxDirectory& directory) const;

  std::filesystem::path program_;
  std::filesystem::path shared_root_;
  std::string platform_;
  std::string version_;
};

}  // namespace fumehood::sandbox
