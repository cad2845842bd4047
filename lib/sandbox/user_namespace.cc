#include "lib/sandbox/user_namespace.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <string_view>

namespace fumehood::sandbox {

namespace {

Status WriteTo(const char* path, std::string_view text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  const bool written = fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error_number = errno;
  if (fd >= 0) close(fd);
  if (!written) return FailErrno(error_number, fmt::format("write \"{}\"", path));
  return {};
}

// The setting that forbids it, as far as one can tell.
std::string_view WhyForbidden() {
  const auto says = [](const char* path, std::string_view value) {
    std::string line;
    return std::getline(std::ifstream(path), line) && line == value;
  };
  if (says("/proc/sys/user/max_user_namespaces", "0")) return "; user.max_user_namespaces is 0";
  if (says("/proc/sys/kernel/unprivileged_userns_clone", "0")) return "; kernel.unprivileged_userns_clone is 0";
  if (says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1")) {
    return "; kernel.apparmor_restrict_unprivileged_userns is 1";
  }
  return "; in a container its seccomp profile may forbid it";
}

}  // namespace

bool MayMount() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  return syscall(SYS_capget, &header, sets) == 0 && (sets[0].effective & (1U << CAP_SYS_ADMIN)) != 0;
}

Status EnterUserNamespace() {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare(CLONE_NEWUSER) != 0) {
    const int error_number = errno;
    return FailErrno(error_number, fmt::format("make a user namespace, as root is not what we are{}", WhyForbidden()));
  }
  if (Status denied = WriteTo("/proc/self/setgroups", "deny"); !denied) return denied;
  if (Status mapped = WriteTo("/proc/self/uid_map", fmt::format("0 {} 1", uid)); !mapped) {
    // AppArmor lets the namespace be made, and takes everything that one could do in it.
    return Fail(mapped.error().code, "{}{}", mapped.error().message, WhyForbidden());
  }
  return WriteTo("/proc/self/gid_map", fmt::format("0 {} 1", gid));
}

}  // namespace fumehood::sandbox
