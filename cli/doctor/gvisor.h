// gVisor's runsc on this machine: the program itself, and whether sandboxes start with it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/doctor/check.h"
#include "cli/local_options.h"
#include "lib/base/result.h"

namespace fumehood::cli::doctor {

struct Gvisor {
  Result<std::filesystem::path> program;
  std::string version = {};  // "release-20260901.0"; empty where it doesn't answer as runsc
  std::string answer = {};   // what it said instead
  bool has_shared_root = false;
  // The file, or the folder on the way to it, that others than its owner may not read or enter; empty: none.
  std::filesystem::path barred = {};
  bool has_sidecars = false;  // gvisor-bin/ is beside it
};

Gvisor LookAtGvisor(const LocalOptions& options);

Check CheckRunsc(const Gvisor& gvisor);
Check CheckRunscVersion(const Gvisor& gvisor);
Check CheckRunscLayout(const Gvisor& gvisor);

// What installing it takes: asked where it is missing. They ask the network.
Check CheckInstaller();
Check CheckDownload(const std::string& architecture);

// Starts one sandbox with a platform of gVisor.
Check CheckSandbox(const std::string& platform, const LocalOptions& options);

}  // namespace fumehood::cli::doctor
