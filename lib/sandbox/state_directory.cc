#include "lib/sandbox/state_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "lib/sandbox/init_protocol.h"
#include "lib/sandbox/sandbox_directory.h"

namespace fumehood::sandbox {

namespace {

namespace fs = std::filesystem;

Status MakeDirectory(const fs::path& path) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("make \"{}\"", path.string()));
  }
  // Whatever the umask says: the runtime's processes and the command are other users.
  if (chmod(path.c_str(), 0755) != 0) return FailErrno(errno, fmt::format("open up \"{}\"", path.string()));
  return {};
}

// `guest_path` as it is found below the layer.
fs::path InLayer(const fs::path& layer, const char* guest_path) { return layer / fs::path(guest_path).relative_path(); }

void RemoveEach(const fs::path& directory, void (*remove)(const fs::path&)) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, ignored)) remove(entry.path());
  rmdir(directory.c_str());
}

}  // namespace

Result<StateDirectory> StateDirectory::Open(const fs::path& path, const fs::path& init) {
  // The overlay's options have no room for these.
  if (!path.is_absolute() || path.string().find_first_of(":,\\\n") != std::string::npos) {
    return Fail(ErrorCode::kInvalid,
                "state directory \"{}\": give an absolute path without colon, comma, backslash and newline",
                path.string());
  }
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return FailErrno(error.value(), fmt::format("make state directory \"{}\"", path.string()));
  UniqueFd lock(open((path / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid()) return FailErrno(errno, fmt::format("lock state directory \"{}\"", path.string()));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return Fail(ErrorCode::kAlreadyExists,
                "state directory \"{}\" is in use by another process; give each a directory of its own", path.string());
  }
  StateDirectory state(path.lexically_normal(), std::move(lock));
  if (Status unmounted = UnmountBelow(state.path_); !unmounted) return Forward(std::move(unmounted));
  state.Sweep();
  if (Status filled = state.Fill(init); !filled) return Forward(std::move(filled));
  return state;
}

Status StateDirectory::Fill(const fs::path& init) {
  for (const fs::path& directory :
       {layer(), layer() / ".fumehood", InLayer(layer(), init::kLatePath), InLayer(layer(), init::kWorkspacePath),
        layer() / "proc", layer() / "dev", layer() / "sys", layer() / "tmp", images(), pool(), runtime_shared()}) {
    if (Status made = MakeDirectory(directory); !made) return made;
  }
  const fs::path program = InLayer(layer(), init::kProgramPath);
  std::error_code error;
  fs::copy_file(init, program, fs::copy_options::overwrite_existing, error);
  if (error) return FailErrno(error.value(), fmt::format("copy the init \"{}\"", init.string()));
  if (chmod(program.c_str(), 0755) != 0) return FailErrno(errno, "make the init executable");

  if (mount(pool().c_str(), pool().c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return FailErrno(errno, fmt::format("mount the pool \"{}\" (this needs root with CAP_SYS_ADMIN)", pool().string()));
  }
  // Private first: shared alone would keep it in a group with its parent's copies in other namespaces.
  if (mount(nullptr, pool().c_str(), nullptr, MS_PRIVATE, nullptr) != 0 ||
      mount(nullptr, pool().c_str(), nullptr, MS_SHARED, nullptr) != 0) {
    return FailErrno(errno, fmt::format("share the pool \"{}\" with its sandboxes", pool().string()));
  }
  return {};
}

Status StateDirectory::MakeMountPoint(const fs::path& guest_path) {
  const fs::path path = InLayer(layer(), guest_path.c_str());
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return FailErrno(error.value(), fmt::format("make \"{}\"", path.string()));
  return {};
}

StateDirectory::~StateDirectory() {
  if (!lock_.valid()) return;
  Sweep();
  unlink((path_ / "lock").c_str());
}

void StateDirectory::Sweep() {
  // If this fails, what is mounted stays, and each removal below stops in front of it.
  (void)UnmountBelow(path_);
  RemoveEach(pool(), &SandboxDirectory::Remove);
  RemoveEach(images(), [](const fs::path& image) { rmdir(image.c_str()); });
  std::error_code ignored;
  fs::remove_all(layer(), ignored);
  fs::remove_all(runtime_shared(), ignored);
}

}  // namespace fumehood::sandbox
