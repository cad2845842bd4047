// What a command finds at /workspace and may do there, whatever the repository is made of.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "lib/sandbox/repository.h"
#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using enum RepositoryAccess;

constexpr uint64_t kMiB = 1024 * 1024;

// All that can be seen of a tree: kinds, modes, owners, times and contents.
std::map<std::string, std::string> Snapshot(const fs::path& root) {
  std::map<std::string, std::string> seen;
  const auto look = [&seen](const fs::path& path) {
    struct stat status{};
    ASSERT_EQ(lstat(path.c_str(), &status), 0);
    seen[path] = fmt::format("{:o} {}:{} {}.{} {}.{} {}", status.st_mode, status.st_uid, status.st_gid,
                             status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                             status.st_ctim.tv_nsec, S_ISREG(status.st_mode) ? ReadFile(path) : "");
  };
  look(root);
  for (const auto& entry : fs::recursive_directory_iterator(root)) look(entry.path());
  return seen;
}

class RunscRepositoryTest : public RunscTest {
 protected:
  fs::path shop() const { return temp() / "repositories/shop"; }

  void ChangeOwner(const fs::path& path, uid_t owner, gid_t group) {
    ASSERT_EQ(lchown(path.c_str(), owner, group), 0);
    if (!fs::is_directory(path)) return;
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      ASSERT_EQ(lchown(entry.path().c_str(), owner, group), 0);
    }
  }

  // Nobody but the owner may do anything with it.
  void MakePrivate(const fs::path& path) {
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      fs::permissions(entry.path(), fs::perms{entry.is_directory() ? 0700U : 0600U});
    }
    fs::permissions(path, fs::perms{0700});
  }

  RunRequest With(RepositoryAccess access, std::string text) const {
    RunRequest request = Shell(std::move(text));
    request.access = access;
    return request;
  }

  // Both outputs.
  std::string Said(RepositoryAccess access, std::string text) {
    const RunResult result = Run(With(access, std::move(text)));
    if (const auto* not_started = std::get_if<NotStarted>(&result.ending))
      return "not started: " + not_started->message;
    return result.stdout_output.head + result.stderr_output.head;
  }
};

TEST_F(RunscRepositoryTest, OfAnyOwnerBelongsToTheCommand) {
  MakePrivate(shop());
  for (const uid_t owner : {0U, 999U, 1000U, 1001U, 65534U, 4'000'000'000U}) {
    ChangeOwner(shop(), owner, owner);
    EXPECT_EQ(Said(kReadOnly, "stat -c '%u %g' . README sub/file; cat README sub/file"),
              "1000 1000\n1000 1000\n1000 1000\nhello\ndeep\n")
        << owner;
    EXPECT_EQ(Said(kEphemeral, "echo more >>README; echo new >sub/new; rm sub/file; cat README sub/*"),
              "hello\nmore\nnew\n")
        << owner;
  }
}

TEST_F(RunscRepositoryTest, WhatBelongsToOthersStaysTheirs) {
  ChangeOwner(shop(), 5000, 5000);
  WriteFile(shop() / "roots", "secret\n");
  fs::permissions(shop() / "roots", fs::perms{0600});
  EXPECT_EQ(Said(kReadOnly, "stat -c '%u %g' roots"), "0 0\n");
  EXPECT_THAT(Said(kReadOnly, "cat roots"), HasSubstr("Permission denied"));
  EXPECT_THAT(Said(kEphemeral, "cat roots"), HasSubstr("Permission denied"));
}

TEST_F(RunscRepositoryTest, GitTakesItForTheCommandsOwn) {
  if (!fs::exists("/usr/bin/git")) GTEST_SKIP() << "needs git";
  ASSERT_EQ(std::system(("cd " + shop().string() +
                         " && git init -q . && git add -A && git -c user.name=a -c user.email=b commit -qm c")
                            .c_str()),
            0);
  ChangeOwner(shop(), 1234, 1234);
  MakePrivate(shop());
  RunscOptions options = Options();
  options.images = HostPrograms{};
  Use(options);
  for (const RepositoryAccess access : {kReadOnly, kEphemeral}) {
    RunRequest request = With(access, "git status --short && git log --format=%s");
    request.image = "host";
    const RunResult result = Run(request);
    EXPECT_EQ(result.stdout_output.head, "c\n");
    EXPECT_EQ(result.stderr_output.head, "");
  }
}

TEST_F(RunscRepositoryTest, EphemeralTakesEveryWriteAndTheHostsStaysAsItWas) {
  fs::create_symlink("README", shop() / "link");
  const auto before = Snapshot(shop());
  EXPECT_EQ(Said(kEphemeral,
                 "set -e; echo a >new; mkdir -p x/y; mv README x/README; rm -r sub; ln -s new l2; chmod 700 x;"
                 "echo b >>x/README; touch -d '2001-01-01 00:00' x/README; rm link; >/workspace/empty;"
                 "cat x/README; ls"),
            "hello\nb\nempty\nl2\nnew\nx\n");
  EXPECT_EQ(Snapshot(shop()), before);
  EXPECT_EQ(Said(kEphemeral, "ls; cat README"), "README\nlink\nsub\nhello\n") << "the next one sees nothing of it";
}

TEST_F(RunscRepositoryTest, ResultSaysWhichAccessItHad) {
  EXPECT_EQ(Run(With(kReadOnly, "true")).isolation.repository, "ReadOnly");
  EXPECT_EQ(Run(With(kEphemeral, "true")).isolation.repository, "Ephemeral");
}

TEST_F(RunscRepositoryTest, EphemeralLayerIsOfTheScratchSpacesSizeAndOutOfSight) {
  RunRequest request = With(kEphemeral, "/bin/hostile fill-workspace; ls -a /tmp");
  request.limits.scratch_bytes = 12 * kMiB;
  // The layer itself takes a page or two.
  EXPECT_THAT(Run(request).stdout_output.head, testing::MatchesRegex("1[12] No space left on device\n\\.\n\\.\\.\n"));
}

TEST_F(RunscRepositoryTest, EphemeralWritesAreMemory) {
  RunRequest request = With(kEphemeral, "exec /bin/hostile fill-workspace");
  request.limits = {.memory_bytes = 128 * kMiB, .scratch_bytes = 1024 * kMiB};
  EXPECT_TRUE(std::holds_alternative<OutOfMemory>(Run(request).ending));
  EXPECT_FALSE(fs::exists(shop() / "filler"));
}

TEST_F(RunscRepositoryTest, HostsMountIsReadOnlyForEphemeralToo) {
  RunscOptions options = Options();
  options.init = FUMEHOOD_ROGUE_INIT;
  Use(options);
  RunRequest request = Command({"/.fumehood/late/repo/new"});
  request.access = kEphemeral;
  EXPECT_EQ(std::get<Exited>(Run(request).ending).code, 0);
  EXPECT_FALSE(fs::exists(shop() / "new"));
}

// A file system that knows no mapping of owners.
class UnmappableRepositoryTest : public RunscRepositoryTest {
 protected:
  void SetUp() override {
    RunscRepositoryTest::SetUp();
    if (IsSkipped()) return;
    fs::create_directories(temp() / "repositories/other");
    ASSERT_EQ(mount("ramfs", (temp() / "repositories/other").c_str(), "ramfs", 0, nullptr), 0);
    other_ = MountPoint(temp() / "repositories/other");
    WriteFile(temp() / "repositories/other/README", "other\n");
    ChangeOwner(temp() / "repositories/other", 4321, 4321);
  }
  void SetMode(unsigned mode) { fs::permissions(temp() / "repositories/other", fs::perms{mode}); }
  RunResult RunIn(RepositoryAccess access) {
    RunRequest request = With(access, "cat README");
    request.repository_path = "other";
    return Run(request);
  }

  MountPoint other_;
};

TEST_F(UnmappableRepositoryTest, IsShownAsItIsWhereOthersMayRead) {
  SetMode(0755);
  EXPECT_EQ(RunIn(kReadOnly).stdout_output.head, "other\n");
}

TEST_F(UnmappableRepositoryTest, ThatOnlyItsOwnerMayReadIsUnavailable) {
  SetMode(0700);
  const auto not_started = std::get<NotStarted>(RunIn(kReadOnly).ending);
  EXPECT_EQ(not_started.cause, NotStarted::Cause::kRepositoryUnavailable);
  EXPECT_THAT(not_started.message, HasSubstr("with mode 0700 the repository \"other\" is for its owner"));
  EXPECT_THAT(not_started.message, HasSubstr("map the owners of its files"));
}

TEST_F(UnmappableRepositoryTest, IsUnavailableForWriting) {
  SetMode(0755);
  EXPECT_EQ(std::get<NotStarted>(RunIn(kEphemeral).ending).cause, NotStarted::Cause::kRepositoryUnavailable);
}

TEST_F(UnmappableRepositoryTest, ThatBelongsToTheCommandsUserNeedsNoMapping) {
  ChangeOwner(temp() / "repositories/other", 1000, 1000);
  SetMode(0700);
  EXPECT_EQ(RunIn(kReadOnly).stdout_output.head, "other\n");
  EXPECT_EQ(RunIn(kEphemeral).stdout_output.head, "other\n");
}

TEST_F(RunscRepositoryTest, WhatIsMountedInItIsThereAndReadOnly) {
  ASSERT_EQ(mount("tmpfs", (shop() / "sub").c_str(), "tmpfs", 0, "mode=0777"), 0);
  const MountPoint mounted(shop() / "sub");
  WriteFile(shop() / "sub/mounted", "mounted\n");
  ChangeOwner(shop(), 777, 777);
  EXPECT_THAT(Said(kReadOnly, "cat sub/mounted; ls sub; touch sub/new"),
              testing::MatchesRegex("mounted\nmounted\n.*Read-only file system\n"));
  EXPECT_EQ(Said(kEphemeral, "echo more >>sub/mounted; cat sub/mounted"), "mounted\nmore\n");
  EXPECT_EQ(ReadFile(shop() / "sub/mounted"), "mounted\n");
}

TEST_F(RunscRepositoryTest, WhatIsMountedInItAndKnowsNoMappingIsNoHindrance) {
  ASSERT_EQ(mount("ramfs", (shop() / "sub").c_str(), "ramfs", 0, nullptr), 0);
  const MountPoint mounted(shop() / "sub");
  WriteFile(shop() / "sub/mounted", "mounted\n");
  ChangeOwner(shop(), 777, 777);
  fs::permissions(shop(), fs::perms{0700});
  EXPECT_EQ(Said(kReadOnly, "cat README sub/mounted; stat -c %u README sub/mounted"), "hello\nmounted\n1000\n777\n");
}

TEST_F(RunscRepositoryTest, FifosLeadNowhere) {
  ASSERT_EQ(mkfifo((shop() / "fifo").c_str(), 0666), 0);
  ASSERT_EQ(chmod((shop() / "fifo").c_str(), 0666), 0);
  // Whoever opens it on the host waits for the other side.
  const UniqueFd writer(open((shop() / "fifo").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ASSERT_EQ(write(writer.get(), "from the host\n", 14), 14);
  for (const RepositoryAccess access : {kReadOnly, kEphemeral}) {
    RunRequest request = With(access, "cat fifo");
    request.timeout = 2s;
    EXPECT_THAT(Run(request).stdout_output.head, Not(HasSubstr("host"))) << ToString(access);
  }
  char buffer[64];
  EXPECT_EQ(read(writer.get(), buffer, sizeof buffer), 14) << "nobody has taken it";
}

TEST_F(RunscRepositoryTest, SocketsLeadNowhere) {
  const fs::path path = shop() / "socket";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.string().size(), sizeof address.sun_path);
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  ASSERT_EQ(chmod(path.c_str(), 0777), 0);
  for (const RepositoryAccess access : {kReadOnly, kEphemeral}) {
    EXPECT_EQ(Said(access, "/bin/hostile connect"), "Connection refused\n") << ToString(access);
  }
  EXPECT_EQ(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC), -1);
}

TEST_F(RunscRepositoryTest, DevicesAreNone) {
  ASSERT_EQ(mknod((shop() / "kmsg").c_str(), S_IFCHR | 0666, makedev(1, 11)), 0);
  ASSERT_EQ(mknod((shop() / "disk").c_str(), S_IFBLK | 0666, makedev(254, 0)), 0);
  ASSERT_EQ(chmod((shop() / "kmsg").c_str(), 0666), 0);
  ASSERT_EQ(chmod((shop() / "disk").c_str(), 0666), 0);
  for (const RepositoryAccess access : {kReadOnly, kEphemeral}) {
    EXPECT_EQ(Said(access, "for d in kmsg disk; do head -c 1 $d 2>/dev/null || echo refused; done"),
              "refused\nrefused\n")
        << ToString(access);
  }
}

TEST_F(RunscRepositoryTest, SetUserIdProgramsGiveNothing) {
  fs::copy_file("/bin/busybox", shop() / "id");
  ASSERT_EQ(chmod((shop() / "id").c_str(), 06755), 0);
  ChangeOwner(shop() / "sub", 1000, 1000);
  // The repository is its owner's, the program is root's.
  ASSERT_EQ(lchown(shop().c_str(), 1000, 1000), 0);
  for (const RepositoryAccess access : {kReadOnly, kEphemeral}) {
    EXPECT_EQ(Said(access, "stat -c %u id; ./id -u; ./id -g"), "0\n1000\n1000\n") << ToString(access);
  }
}

// What is mounted is what was looked at, however fast it is renamed.
TEST_F(RunscRepositoryTest, RacesNeverShowWhatIsNotARepository) {
  WriteFile(temp() / "secret/README", "secret\n");
  fs::create_symlink(temp() / "secret", temp() / "repositories/trap");
  const auto exchange = [this] {
    renameat2(AT_FDCWD, shop().c_str(), AT_FDCWD, (temp() / "repositories/trap").c_str(), RENAME_EXCHANGE);
  };
  std::atomic<bool> done = false;
  std::jthread racer([&] {
    while (!done) exchange();
  });
  const UniqueFd root(open((temp() / "repositories").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  fs::create_directories(temp() / "target");
  OwnerMappings mappings;
  int seen = 0;
  // Often enough for the race to be won both ways, however the two threads happen to run.
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  for (int i = 0; (i < 2'000 || seen < 100) && std::chrono::steady_clock::now() < deadline; ++i) {
    const auto opened = OpenRepository(root.get(), "", "shop");
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    const auto* directory = std::get_if<UniqueFd>(&*opened);
    if (directory == nullptr) continue;
    const auto mounted = MountForCommand(directory->get(), temp() / "target", "shop", kReadOnly, mappings);
    ASSERT_TRUE(mounted.has_value()) << mounted.error().message;
    ASSERT_EQ(ReadFile(temp() / "target/README"), "hello\n");
    ++seen;
  }
  EXPECT_GE(seen, 100);
  for (int i = 0; i < 10; ++i) {
    const std::string said = Said(kReadOnly, "cat README");
    EXPECT_TRUE(said == "hello\n" || said.starts_with("not started")) << said;
  }
  done = true;
}

}  // namespace
}  // namespace fumehood::sandbox
