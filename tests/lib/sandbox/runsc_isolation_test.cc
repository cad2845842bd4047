// What a command can see and do: the walls, tried from inside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class RunscIsolationTest : public RunscTest {};

TEST_F(RunscIsolationTest, CommandIsAnOrdinaryUserWithoutCapabilities) {
  EXPECT_EQ(OutputOf("id -u; id -g; id -G"), "1000\n1000\n1000\n");
  EXPECT_EQ(OutputOf("grep -E 'Cap|NoNewPrivs' /proc/self/status"),
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
            "CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n");
}

TEST_F(RunscIsolationTest, CommandHasNothingButItsThreeDescriptors) {
  EXPECT_EQ(OutputOf("ls /proc/$$/fd; true"), "0\n1\n2\n");
}

TEST_F(RunscIsolationTest, WorkspaceIsReadOnlyWhateverItsPermissions) {
  fs::permissions(temp() / "repositories/shop", fs::perms{0777});
  fs::permissions(temp() / "repositories/shop/README", fs::perms{0666});
  EXPECT_THAT(OutputOf("touch new 2>&1; true"), HasSubstr("Read-only file system"));
  EXPECT_THAT(OutputOf("(echo x >README) 2>&1; true"), HasSubstr("Read-only file system"));
  EXPECT_THAT(OutputOf("rm README 2>&1; true"), HasSubstr("Read-only file system"));
  EXPECT_THAT(OutputOf("touch /.fumehood/late/repo/new 2>&1; true"), HasSubstr("Read-only file system"));
  EXPECT_FALSE(fs::exists(temp() / "repositories/shop/new"));
}

TEST_F(RunscIsolationTest, FileServersMountOfTheRepositoryIsReadOnlyToo) {
  bool seen = false;
  While("sleep 1000", [&] {
    for (const ProcessSeen& process : ProcessesSeen()) {
      if (!process.command_line.starts_with("runsc-gofer")) continue;
      std::istringstream mounts(ReadFile("/proc/" + std::to_string(process.pid) + "/mountinfo"));
      for (std::string line; std::getline(mounts, line);) {
        if (!line.contains("late/repo ")) continue;
        seen = true;
        EXPECT_THAT(line, HasSubstr(" ro,nosuid,nodev"));
      }
    }
  });
  EXPECT_TRUE(seen);
}

TEST_F(RunscIsolationTest, RepositoryAndImageAreReadOnlyAlsoForTheGuestsRoot) {
  fs::permissions(temp() / "repositories/shop", fs::perms{0777});
  RunscOptions options = Options();
  options.init = FUMEHOOD_ROGUE_INIT;
  Use(options);
  const RunResult result =
      Run(Command({"/.fumehood/late/repo/new", "/.fumehood/late/new", "/open/new", "/workspace/new", "/new"}));
  EXPECT_EQ(std::get<Exited>(result.ending).code, 0);
  EXPECT_FALSE(fs::exists(temp() / "repositories/shop/new"));
}

TEST_F(RunscIsolationTest, RootFileSystemIsReadOnlyAndTheImageStaysAsItWas) {
  const auto list = [this] {
    std::vector<std::string> entries;
    for (const auto& entry : fs::recursive_directory_iterator(temp() / "images/default")) {
      entries.push_back(entry.path());
    }
    return entries;
  };
  const auto before = list();
  EXPECT_THAT(OutputOf("touch /open/new 2>&1; true"), HasSubstr("Read-only file system"));
  EXPECT_EQ(list(), before);
}

TEST_F(RunscIsolationTest, ScratchIsWritableAndBounded) {
  EXPECT_EQ(OutputOf("echo a >/tmp/x && echo b >/dev/shm/y && echo c >$HOME/z && cat /tmp/x /dev/shm/y /tmp/z"),
            "a\nb\nc\n");
  EXPECT_THAT(OutputOf("dd if=/dev/zero of=/tmp/x bs=1M count=300 2>&1; true"), HasSubstr("No space left"));
  EXPECT_EQ(OutputOf("stat -c %a /tmp /dev/shm"), "1777\n1777\n");
}

TEST_F(RunscIsolationTest, ThereIsNoNetwork) {
  EXPECT_EQ(OutputOf("ls /sys/class/net 2>/dev/null | grep -v '^lo$' || true"), "");
  EXPECT_EQ(OutputOf("grep -vE '^Inter|face|lo:' /proc/net/dev || true"), "");
  EXPECT_EQ(OutputOf("ip route | grep -v ' dev lo ' || true"), "");
}

TEST_F(RunscIsolationTest, InitCannotBeKilledOrLookedInto) {
  EXPECT_EQ(OutputOf("kill -KILL 1 2>/dev/null || echo refused"), "refused\n");
  EXPECT_EQ(OutputOf("kill -STOP 1 2>/dev/null || echo refused"), "refused\n");
  EXPECT_EQ(OutputOf("(ls /proc/1/fd || cat /proc/1/environ || readlink /proc/1/exe) 2>/dev/null || echo refused"),
            "refused\n");
}

TEST_F(RunscIsolationTest, KillingEverythingEndsOnlyTheCommand) {
  const RunResult result = Run(Shell("kill -KILL -1; sleep 1; exit 3"));
  EXPECT_TRUE(std::holds_alternative<Signaled>(result.ending) || std::holds_alternative<Exited>(result.ending));
}

TEST_F(RunscIsolationTest, HostsFilesAreOutOfSight) {
  WriteFile(temp() / "repositories/other/secret", "s");
  WriteFile(temp() / "secret", "s");
  EXPECT_EQ(OutputOf("find / -xdev -name secret 2>/dev/null; ls " + temp().path().string() + " 2>/dev/null; true"), "");
  EXPECT_EQ(OutputOf("ls /.fumehood/late"), "repo\n");
  EXPECT_THAT(OutputOf("cat /proc/mounts"), Not(HasSubstr(temp().path().string())));
}

TEST_F(RunscIsolationTest, LinksInTheRepositoryLeadNowhereOnTheHost) {
  WriteFile(temp() / "secret", "s");
  fs::create_symlink(temp() / "secret", temp() / "repositories/shop/absolute");
  fs::create_symlink("../../secret", temp() / "repositories/shop/relative");
  EXPECT_EQ(OutputOf("cat absolute relative 2>/dev/null || echo nothing"), "nothing\n");
}

TEST_F(RunscIsolationTest, SandboxesDoNotSeeEachOther) {
  While("echo mine >/tmp/mine; exec sleep 4242", [&] { EXPECT_EQ(OutputOf("ls /tmp; ps | grep '[4]242'; true"), ""); });
}

TEST_F(RunscIsolationTest, RepositoryOfAnotherSandboxNeverAppears) {
  WriteFile(temp() / "repositories/other/secret", "s");
  RunRequest request = Shell("cat /workspace/secret");
  request.repository_path = "other";
  const auto gofers_that_show = [](std::string_view repository) {
    std::vector<std::string> mounts;
    for (const ProcessSeen& process : ProcessesSeen()) {
      if (!process.command_line.starts_with("runsc-gofer")) continue;
      std::string all = ReadFile("/proc/" + std::to_string(process.pid) + "/mountinfo");
      if (all.contains(repository)) mounts.push_back(std::move(all));
    }
    return mounts;
  };
  While("exec sleep 1000", [&] {
    const RunResult result = Run(request, [&] {
      EXPECT_THAT(gofers_that_show("repositories/shop"), ElementsAre(Not(HasSubstr("repositories/other"))));
      EXPECT_THAT(gofers_that_show("repositories/other"), ElementsAre(Not(HasSubstr("repositories/shop"))));
    });
    EXPECT_EQ(result.stdout_output.head, "s");
  });
}

TEST_F(RunscIsolationTest, HostNameIsNotTheHosts) { EXPECT_EQ(OutputOf("hostname"), "sandbox\n"); }

TEST_F(RunscIsolationTest, PrivilegedCallsAreRefused) {
  EXPECT_EQ(OutputOf("mount -t tmpfs x /tmp 2>/dev/null || umount /workspace 2>/dev/null || "
                     "mknod /tmp/d c 1 3 2>/dev/null || echo refused"),
            "refused\n");
}

}  // namespace
}  // namespace fumehood::sandbox
