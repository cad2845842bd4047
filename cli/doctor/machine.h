// What the machine is like, as far as sandboxes depend on it, and what follows from that.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/doctor/check.h"

namespace fumehood::cli::doctor {

struct Room {
  std::filesystem::path path;
  uint64_t free_bytes = 0;
  uint64_t free_files = 0;
};

struct Machine {
  std::string architecture;  // as uname(2) says
  std::string kernel;        // its release
  uid_t uid = 0;
  bool may_mount = false;              // CAP_SYS_ADMIN
  std::string user_namespace_refusal;  // why none could be made; empty: one could
  int seccomp_mode = 0;                // of this process, 2: a filter
  // Nothing where the kernel doesn't have it.
  std::optional<std::string> apparmor_profile;  // of this process
  std::optional<std::string> ptrace_scope;      // of Yama
  std::string cgroup_refusal;                   // why sandboxes can have no cgroups that limit them; empty: they can
  std::vector<Room> rooms;                      // where sandboxes and containers are made
  int64_t time = 0;                             // seconds since the epoch
  int64_t program_time = 0;                     // when this program's file was made
  bool clock_is_synchronised = false;
};

// `folders` are those whose room matters; what does not exist yet stands for the first above it that does. Makes a user
// namespace and a cgroup in child processes, so call it while there is one thread.
Machine LookAtMachine(const std::vector<std::filesystem::path>& folders);

Check CheckArchitecture(const Machine& machine);
Check CheckKernel(const Machine& machine);
Check CheckUserNamespaces(const Machine& machine);
Check CheckCgroup(const Machine& machine);
Check CheckDisk(const Machine& machine);
Check CheckClock(const Machine& machine);

// These three can only be told from what happens: whether a sandbox has started.
enum class Sandbox { kStarts, kDoesNotStart };
Check CheckSeccomp(const Machine& machine, Sandbox sandbox);
Check CheckAppArmor(const Machine& machine, Sandbox sandbox);
Check CheckYama(const Machine& machine, Sandbox sandbox);

}  // namespace fumehood::cli::doctor
