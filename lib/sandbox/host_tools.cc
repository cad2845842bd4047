#include "lib/sandbox/host_tools.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "lib/base/unique_fd.h"
#include "lib/sandbox/hand_over.h"
#include "lib/sandbox/repository.h"

namespace fumehood::sandbox {

namespace {

namespace fs = std::filesystem;

// Programs and what they load: no configuration beyond what the dynamic linker, update-alternatives and TLS need.
constexpr std::string_view kAllowed[] = {
    "usr",
    "bin",
    "sbin",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "etc/ssl/certs",
    "etc/alternatives",
    "etc/ld.so.conf.d",
    "etc/ld.so.conf",
    "etc/ld.so.cache",
};

Status WriteFile(const fs::path& path, std::string_view content) {
  std::ofstream file(path);
  file << content;
  file.close();
  if (!file) return Fail(ErrorCode::kUnavailable, "write \"{}\"", path.string());
  return {};
}

// The accounts that there are inside: whoever is on the host is nobody's business there.
Status WriteAccounts(const fs::path& root) {
  const auto user = fmt::format("sandbox:x:{0}:{0}:sandbox:/tmp:/bin/sh\n", kCommandUser);
  const auto group = fmt::format("sandbox:x:{}:\n", kCommandUser);
  constexpr std::string_view kNobody = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
  if (Status written =
          WriteFile(root / "etc/passwd", fmt::format("root:x:0:0:root:/root:/bin/sh\n{}{}", user, kNobody));
      !written) {
    return written;
  }
  return WriteFile(root / "etc/group", fmt::format("root:x:0:\n{}nogroup:x:65534:\n", group));
}

// Shows a directory of the host at the same path below `root`.
Result<MountPoint> Show(const fs::path& source, const fs::path& target) {
  const UniqueFd directory(open(source.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!directory.valid()) return FailErrno(errno, fmt::format("open \"{}\"", source.string()));
  std::error_code error;
  fs::create_directories(target, error);
  if (error) return FailErrno(error.value(), fmt::format("make \"{}\"", target.string()));
  return MountReadOnly(directory.get(), target);
}

}  // namespace

Result<HostTools> HostTools::Open(const fs::path& root) {
  std::error_code error;
  fs::create_directories(root / "etc", error);
  if (error) return FailErrno(error.value(), fmt::format("make \"{}\"", (root / "etc").string()));
  HostTools tools;
  for (const std::string_view name : kAllowed) {
    const fs::path source = fs::path("/") / name;
    const fs::path target = root / name;
    switch (fs::symlink_status(source, error).type()) {
      case fs::file_type::directory: {
        auto shown = Show(source, target);
        if (!shown) return Wrap(std::move(shown).error(), "show the host's programs");
        tools.mounts_.push_back(std::move(*shown));
        break;
      }
      case fs::file_type::symlink: fs::copy_symlink(source, target, error); break;
      case fs::file_type::regular: fs::copy_file(source, target, error); break;
      default: error.clear(); break;
    }
    if (error) return FailErrno(error.value(), fmt::format("show the host's \"{}\"", source.string()));
  }
  if (Status written = WriteAccounts(root); !written) return Forward(std::move(written));
  return tools;
}

}  // namespace fumehood::sandbox
