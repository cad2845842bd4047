#include "executor/posix_disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "lib/base/sleep.h"
#include "lib/base/unique_fd.h"

namespace fumehood::executor {

namespace {

namespace fs = std::filesystem;

std::unexpected<Error> FailOn(std::string_view act, const fs::path& path) {
  const int error_number = errno;
  return FailErrno(error_number, fmt::format("{} \"{}\"", act, path.string()));
}

class PosixFile final : public DiskFile {
 public:
  explicit PosixFile(UniqueFd fd) : fd_(std::move(fd)) {}

  Status Append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = write(fd_.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return FailErrno(errno, "append");
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  Status Sync() override {
    if (fdatasync(fd_.get()) != 0) return FailErrno(errno, "sync");
    return {};
  }

  Status Truncate(uint64_t size) override {
    if (ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return FailErrno(errno, "cut off the end");
    return {};
  }

 private:
  UniqueFd fd_;
};

class PosixDisk final : public Disk {
 public:
  PosixDisk(UniqueFd directory, fs::path path) : directory_(std::move(directory)), path_(std::move(path)) {}

  Status Lock(std::chrono::milliseconds wait) override {
    // How often a predecessor that is about to end is looked at.
    constexpr std::chrono::milliseconds kPeriod{20};
    UniqueFd lock(openat(directory_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock.valid()) return FailOn("open", PathOf("lock"));
    const auto deadline = std::chrono::steady_clock::now() + wait;
    while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) return FailOn("lock", PathOf("lock"));
      if (std::chrono::steady_clock::now() >= deadline) {
        return Fail(ErrorCode::kConflict,
                    "lock \"{}\": another executor runs on this node and has not ended within {} ms: stop it, or give "
                    "this one a directory of its own if they serve different clusters",
                    PathOf("lock").string(), wait.count());
      }
      SleepUnlessStopped(kPeriod, {});
    }
    lock_ = std::move(lock);
    return {};
  }

  Result<std::string> Read(const std::string& name, uint64_t max_bytes) override {
    const UniqueFd file(openat(directory_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file.valid()) return FailOn("open", PathOf(name));
    struct stat status{};
    if (fstat(file.get(), &status) != 0) return FailOn("look at", PathOf(name));
    const auto size = static_cast<uint64_t>(status.st_size);
    if (size > max_bytes) {
      return Fail(ErrorCode::kTooLarge, "read \"{}\": it has {} bytes, at most {} make sense", PathOf(name).string(),
                  size, max_bytes);
    }
    std::string content(size, '\0');
    size_t filled = 0;
    while (filled < content.size()) {
      const ssize_t count = read(file.get(), content.data() + filled, content.size() - filled);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return FailOn("read", PathOf(name));
      if (count == 0) break;
      filled += static_cast<size_t>(count);
    }
    content.resize(filled);
    return content;
  }

  Result<std::unique_ptr<DiskFile>> Create(const std::string& name) override {
    UniqueFd file(openat(directory_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
    if (!file.valid()) return FailOn("create", PathOf(name));
    return std::make_unique<PosixFile>(std::move(file));
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str()) != 0)
      return FailOn("replace", PathOf(to));
    return {};
  }

  Status Remove(const std::string& name) override {
    if (unlinkat(directory_.get(), name.c_str(), 0) != 0 && errno != ENOENT) return FailOn("remove", PathOf(name));
    return {};
  }

  Status SyncNames() override {
    if (fsync(directory_.get()) != 0) return FailOn("sync", path_);
    return {};
  }

  fs::path PathOf(const std::string& name) const override { return path_ / name; }

 private:
  UniqueFd directory_;
  fs::path path_;
  UniqueFd lock_;
};

Result<UniqueFd> OpenDirectory(const fs::path& path) {
  UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return FailOn("open", path);
  return directory;
}

// Makes the directory and those above it, so that they are there after a power loss.
Status MakeDirectory(const fs::path& path) {
  if (mkdir(path.c_str(), 0700) == 0) {
    const auto parent = OpenDirectory(path.parent_path());
    if (!parent) return std::unexpected(parent.error());
    if (fsync(parent->get()) != 0) return FailOn("sync", path.parent_path());
    return {};
  }
  if (errno == EEXIST) return {};
  if (errno != ENOENT || path == path.parent_path()) return FailOn("make", path);
  if (Status made = MakeDirectory(path.parent_path()); !made) return made;
  return MakeDirectory(path);
}

}  // namespace

Result<std::unique_ptr<Disk>> OpenPosixDisk(const fs::path& directory) {
  // Without a slash at its end, which would be a component of its own.
  fs::path path = (fs::absolute(directory) / "").lexically_normal().parent_path();
  if (Status made = MakeDirectory(path); !made) return Forward(std::move(made));
  auto opened = OpenDirectory(path);
  if (!opened) return Forward(std::move(opened));
  return std::make_unique<PosixDisk>(std::move(*opened), std::move(path));
}

}  // namespace fumehood::executor
