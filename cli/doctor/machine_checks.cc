#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "cli/doctor/machine.h"

namespace fumehood::cli::doctor {
namespace {

constexpr uint64_t kMebibyte = 1024 * 1024;
// A sandbox keeps its configuration, its sockets and its log there.
constexpr uint64_t kLeastRoom = 8 * kMebibyte;
constexpr uint64_t kAmpleRoom = 256 * kMebibyte;
constexpr uint64_t kLeastFiles = 256;
constexpr int64_t kDay = 24 * 60 * 60;

struct KernelVersion {
  int major = 0;
  int minor = 0;
  auto operator<=>(const KernelVersion&) const = default;
};
// mount_setattr(2), by which a repository is made read-only before the sandbox sees it.
constexpr KernelVersion kOurs{5, 12};
// gVisor since July 2026; releases before it ran from 4.14.77 on.
constexpr KernelVersion kGvisors{5, 6};

KernelVersion ParseKernelVersion(std::string_view release) {
  KernelVersion version;
  const char* const end = release.data() + release.size();
  const auto [after, error] = std::from_chars(release.data(), end, version.major);
  if (error == std::errc() && after != end && *after == '.') std::from_chars(after + 1, end, version.minor);
  return version;
}

}  // namespace

Check CheckArchitecture(const Machine& machine) {
  Check check{.name = "architecture", .found = machine.architecture};
  constexpr std::array<std::string_view, 4> kSupported = {"x86_64", "amd64", "aarch64", "arm64"};
  if (std::ranges::find(kSupported, machine.architecture) != kSupported.end()) return check;
  check.state = State::kFailed;
  check.why = "gVisor is made for x86_64 and arm64 (aarch64) only";
  check.fix = "use a machine of one of these; on a 64-bit machine with a 32-bit system, install the 64-bit one";
  return check;
}

Check CheckKernel(const Machine& machine) {
  Check check{.name = "kernel", .found = "Linux " + machine.kernel};
  const KernelVersion version = ParseKernelVersion(machine.kernel);
  if (version >= kOurs) return check;
  check.state = State::kFailed;
  check.why =
      fmt::format("runsc by itself needs Linux {}.{}; with Docker it needs {}.{} (releases before July 2026: 4.14.77)",
                  kOurs.major, kOurs.minor, kGvisors.major, kGvisors.minor);
  check.fix = version >= kGvisors ? "install a newer kernel, or use --isolation=docker" : "install a newer kernel";
  return check;
}

Check CheckUserNamespaces(const Machine& machine) {
  Check check{.name = "user-namespaces"};
  if (machine.user_namespace_refusal.empty()) {
    check.found = machine.may_mount ? "can be made, but needn't: this process may mount" : "can be made";
    return check;
  }
  check.found = machine.user_namespace_refusal;
  check.why = "without root, a sandbox is made in a user namespace, in which one may mount";
  check.state = machine.may_mount ? State::kNote : State::kFailed;
  check.fix =
      "sudo sysctl -w user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1 "
      "kernel.apparmor_restrict_unprivileged_userns=0 (those that this kernel has), or run as root; in a container see "
      "seccomp";
  return check;
}

Check CheckCgroup(const Machine& machine) {
  Check check{.name = "cgroup"};
  if (machine.cgroup_refusal.empty()) {
    check.found = "can be made: a command's memory and CPU can be limited";
    return check;
  }
  check.state = State::kNote;
  check.found = fmt::format("no memory limit and no CPU limit: {}", machine.cgroup_refusal);
  check.why = "a cgroup is what bounds a command's memory and CPU; --memory and --cpus are refused without";
  check.fix = "run as root; in a container, give it cgroups that it may write to";
  return check;
}

Check CheckSeccomp(const Machine& machine, Sandbox sandbox) {
  Check check{.name = "seccomp"};
  if (machine.seccomp_mode == 0) {
    check.found = "no filter on this process";
    return check;
  }
  check.found = fmt::format("a filter is on this process (mode {})", machine.seccomp_mode);
  if (sandbox == Sandbox::kStarts) {
    check.found += ", and sandboxes start";
    return check;
  }
  check.state = State::kFailed;
  check.found += ", and no sandbox starts";
  check.why =
      "the filters that Docker and Kubernetes put on containers forbid what a sandbox is made with: unshare, mount, "
      "pivot_root";
  check.fix = "docker run --security-opt seccomp=unconfined; in a pod, seccompProfile: {type: Unconfined}";
  return check;
}

Check CheckAppArmor(const Machine& machine, Sandbox sandbox) {
  Check check{.name = "apparmor"};
  if (!machine.apparmor_profile) {
    check.found = "not in use";
    return check;
  }
  check.found = fmt::format("this process' profile is {}", *machine.apparmor_profile);
  if (machine.apparmor_profile->starts_with("unconfined") || sandbox == Sandbox::kStarts) return check;
  check.state = State::kFailed;
  check.found += ", and no sandbox starts";
  check.why = "the profiles of containers forbid mounts";
  check.fix = "docker run --security-opt apparmor=unconfined; in a pod, appArmorProfile: {type: Unconfined}";
  return check;
}

Check CheckYama(const Machine& machine, Sandbox sandbox) {
  Check check{.name = "yama"};
  if (!machine.ptrace_scope) {
    check.found = "not in use";
    return check;
  }
  const std::string& scope = *machine.ptrace_scope;
  check.found = fmt::format("kernel.yama.ptrace_scope is {}", scope);
  if (sandbox == Sandbox::kStarts || scope == "0" || scope == "1") return check;
  check.state = State::kFailed;
  check.why = "gVisor takes hold of a command's processes by ptrace; 2 leaves that to CAP_SYS_PTRACE, and 3 to nobody";
  check.fix = scope == "3"
                  ? "set kernel.yama.ptrace_scope=1 in /etc/sysctl.d, and restart the machine: 3 can't be taken back"
                  : "sudo sysctl -w kernel.yama.ptrace_scope=1";
  return check;
}

Check CheckDisk(const Machine& machine) {
  Check check{.name = "disk"};
  for (const Room& room : machine.rooms) {
    if (!check.found.empty()) check.found += "; ";
    check.found += fmt::format("{} MiB in {}", room.free_bytes / kMebibyte, room.path.string());
    if (room.free_files < kLeastFiles) check.found += fmt::format(", for {} files", room.free_files);
    if (room.free_bytes < kLeastRoom || room.free_files < kLeastFiles) {
      check.state = State::kFailed;
    } else if (room.free_bytes < kAmpleRoom && check.state == State::kOk) {
      check.state = State::kNote;
    }
  }
  check.found = "free are " + check.found;
  if (check.state == State::kOk) return check;
  check.why = fmt::format("a sandbox needs some files while it runs, {} MiB at least", kLeastRoom / kMebibyte);
  check.fix =
      "make room there: df -h and df -i tell what is full; docker system prune removes what Docker doesn't need";
  return check;
}

Check CheckClock(const Machine& machine) {
  Check check{.name = "clock", .found = fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(machine.time))};
  check.why = "with a wrong clock no certificate holds, so nothing can be downloaded, and results have wrong times";
  check.fix = "sudo timedatectl set-ntp true";
  if (machine.time + kDay < machine.program_time) {
    check.state = State::kFailed;
    check.found += fmt::format(", before this program was made ({:%Y-%m-%d})", fmt::gmtime(machine.program_time));
  } else if (!machine.clock_is_synchronised) {
    check.state = State::kNote;
    check.found += ", and nothing keeps it right";
  } else {
    check.why.clear();
    check.fix.clear();
  }
  return check;
}

}  // namespace fumehood::cli::doctor
