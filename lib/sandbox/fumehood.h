// Runs commands that nobody should trust, isolated by gVisor, from a program of yours.
//
//   const auto result = fumehood::run_command_isolated({"ls", "-la"}, {.working_dir = "/path/to/repo"});
//   if (!result) return Complain(result.error().message);  // nothing was run
//   std::cout << result->stdout_text;
//
// The program `fumehood` does the work, as a child process: the caller's own process becomes no subreaper, makes no
// namespaces and needs no privileges. It is $FUMEHOOD_PROGRAM, or beside the caller's program, or on the PATH.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace fumehood {

struct IsolationOptions {
  // What the command finds at /workspace, read-only, and where it starts. Empty: the caller's current directory.
  std::filesystem::path working_dir = {};
  // The repository, read-only. Where the working directory is in it, it is what is at /workspace; else it is to be
  // found at its own path.
  std::filesystem::path repo_path = {};
  // "NAME=value". Nothing is inherited; PATH, HOME and LANG have defaults.
  std::vector<std::string> env = {};
  // From the command's start to its kill.
  std::chrono::milliseconds timeout{60'000};
  // What it reads on its standard input, at most 256 KiB.
  std::string stdin_data = {};
  // "auto", "runsc", "docker"; or "process": none at all.
  std::string isolation = "auto";
  // With "auto": where no isolation works, run the command without any rather than not at all.
  bool allow_unisolated_fallback = false;
  // "read-only"; or "ephemeral": the command may write to its repository, in memory, and nothing of it stays.
  std::string access = "read-only";
  // Of the whole sandbox, such as "512Mi": a command that needs more is killed. Empty: not limited.
  std::string memory = {};
  // So many processors' time, such as "2" or "500m". Empty: not limited.
  std::string cpus = {};
  // So many processes and threads at once. 0: not limited.
  uint32_t pids = 0;
  // The size of /tmp and of /dev/shm, each, in memory, such as "64Mi". Empty: 256 MiB.
  std::string scratch = {};
  // runsc: the folder of a root file system; docker: an image. Empty: the host's programs, or busybox.
  std::string image = {};
  // gVisor's runsc, and how it gets hold of system calls: "systrap", "kvm" or "ptrace". Empty: the program's choice.
  std::filesystem::path runsc = {};
  std::string platform = {};
  // Docker's command line. Empty: the one on the PATH.
  std::filesystem::path docker = {};
  // The program `fumehood`. Empty: see above.
  std::filesystem::path program = {};
  // Of each output so much is kept, from its beginning and its end.
  uint64_t max_output_bytes = 1'048'576;
  // A request to stop kills the command.
  std::stop_token stop = {};
};

struct CommandResult {
  bool success = false;  // it exited with 0
  // The command's exit status; 124 when its time was over, 126 or 127 when it could not be executed, 128+n when signal
  // n ended it, 125 when the sandbox was lost.
  int returncode = 0;
  std::string stdout_text;  // bytes, as the command wrote them; a line says where some were left out
  std::string stderr_text;
  bool timed_out = false;
  std::string reason;   // "Exited", "Signaled", "TimedOut", "CommandNotFound", …
  std::string message;  // for people; empty where the command ended by itself
  // What really confined it: "runsc", "docker" or "process", which is nothing.
  std::string isolation;
  std::string runtime_version;
  std::chrono::microseconds startup{0};   // until the command ran
  std::chrono::microseconds duration{0};  // from then to its end
};

// Runs a program with its arguments. A command that fails, times out or can't be found is a result; an Error means that
// nothing was run, and says why. Safe to call from several threads; blocks until the command has ended.
Result<CommandResult> run_command_isolated(const std::vector<std::string>& command,
                                           const IsolationOptions& options = {});

// The same for a script of /bin/sh, with pipes and whatever else a shell has.
Result<CommandResult> run_shell_command_isolated(const std::string& shell_command,
                                                 const IsolationOptions& options = {});

struct GvisorAvailability {
  bool available = false;
  std::string isolation;  // "runsc" or "docker", where it is available
  std::string reason;     // why not, and how to fix it
  explicit operator bool() const { return available; }
};

// Whether a command would be isolated by gVisor here: runs one.
GvisorAvailability is_gvisor_available();

}  // namespace fumehood
