#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood::cli {

// What confines a command.
enum class Isolation {
  kAuto,     // the first of the next two that works here
  kRunsc,    // gVisor, driven by ourselves
  kDocker,   // gVisor as the runtime of a Docker engine
  kProcess,  // nothing
};

std::string_view ToString(Isolation isolation);
std::optional<Isolation> ParseIsolation(std::string_view name);

// Which programs of this machine we use, and where.
struct LocalOptions {
  Isolation isolation = Isolation::kAuto;
  // Where `auto` finds neither: run the command as a process of this machine rather than not at all.
  bool allow_unisolated_fallback = false;
  // runsc: the directory of a root file system; empty: the host's own programs. docker: an image's name; empty:
  // busybox.
  std::string image = {};
  std::filesystem::path runsc = {};   // empty: FindRunsc
  std::string platform = "systrap";   // of runsc: "systrap", "kvm" or "ptrace"
  std::filesystem::path docker = {};  // empty: from the PATH
};

// Where gVisor's runsc is: $FUMEHOOD_RUNSC; else beside this program, in the bin of $VIRTUAL_ENV, the PATH,
// /usr/local/bin. Never in the current directory: that may be a repository which nobody trusts. An Error names what was
// looked at.
Result<std::filesystem::path> FindRunsc(const LocalOptions& options);
// The init of each sandbox: $FUMEHOOD_INIT; else beside this program, or in ../lib/fumehood.
Result<std::filesystem::path> FindInit();
Result<std::filesystem::path> FindDocker(const LocalOptions& options);

// An image of the Docker engine: the one that is named, or busybox.
std::string DockerImageOf(const LocalOptions& options);

// The file of this program.
std::filesystem::path ThisProgram();

}  // namespace fumehood::cli
