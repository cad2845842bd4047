// Real cgroups, of whatever version this machine has.
#include "lib/sandbox/cgroup.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "lib/sandbox/cgroup_parent.h"
#include "lib/sandbox/confined_child.h"
#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!WhyNotContained().empty()) GTEST_SKIP() << WhyNotContained();
    null_.Reset(open("/dev/null", O_RDWR | O_CLOEXEC));
  }

  static std::unique_ptr<CgroupParent> OpenParent(const fs::path& path = "") {
    auto parent = CgroupParent::Open(path);
    if (!parent) {
      ADD_FAILURE() << parent.error().message;
      return nullptr;
    }
    return *std::move(parent);
  }

  pid_t StartSleep(const Confinement& confinement) {
    const auto pid = SpawnConfined(
        {.argv = {"/bin/sleep", "1000"}, .streams = {.in = null_.get(), .out = null_.get(), .err = null_.get()}},
        confinement);
    if (!pid) ADD_FAILURE() << pid.error().message;
    return pid.value_or(-1);
  }

  UniqueFd null_;
};

std::string CgroupsOf(pid_t pid) { return ReadFile("/proc/" + std::to_string(pid) + "/cgroup"); }

TEST_F(CgroupTest, ProcessIsInItFromItsStartAndGoneWithIt) {
  const auto parent = OpenParent();
  ASSERT_NE(parent, nullptr);
  pid_t pid = -1;
  {
    auto cgroup = parent->Make("one");
    ASSERT_TRUE(cgroup.has_value()) << cgroup.error().message;
    pid = StartSleep({.cgroup = cgroup->entrance(), .memory_info = {}});
    EXPECT_THAT(CgroupsOf(pid), HasSubstr("/" + parent->name() + "/one\n"));
    EXPECT_TRUE(cgroup->controls().Usage().cpu.has_value());
  }
  int wait_status = 0;
  ASSERT_EQ(waitpid(pid, &wait_status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL);
  for (const fs::path& directory : CgroupDirectories(parent->name())) EXPECT_FALSE(fs::exists(directory / "one"));
}

TEST_F(CgroupTest, NameThatIsTakenIsAnErrorAndTheOwnersStays) {
  const auto parent = OpenParent();
  ASSERT_NE(parent, nullptr);
  const auto first = parent->Make("one");
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(parent->Make("one").has_value());
  EXPECT_TRUE(fs::exists(CgroupDirectories(parent->name()).front() / "one"));
}

TEST_F(CgroupTest, ParentIsWhereItWasAskedFor) {
  const std::string path = "fumehood-test-" + std::to_string(getpid()) + "-" + std::to_string(time(nullptr));
  {
    const auto parent = OpenParent("/" + path + "/below");
    ASSERT_NE(parent, nullptr);
    EXPECT_FALSE(CgroupDirectories(path + "/below/" + parent->name()).empty());
  }
  const auto made = CgroupDirectories(path);
  EXPECT_FALSE(made.empty());
  for (const fs::path& directory : made) {
    EXPECT_EQ(rmdir((directory / "below").c_str()), 0) << "and nothing is left in it";
    rmdir(directory.c_str());
  }
}

// What one that was killed has left, with a process in it.
TEST_F(CgroupTest, WhatADeadOwnerLeftIsSweptAndThatOfALivingOneIsNot) {
  const auto living = OpenParent();
  ASSERT_NE(living, nullptr);
  auto kept = living->Make("kept");
  ASSERT_TRUE(kept.has_value());
  int names[2];
  ASSERT_EQ(pipe2(names, O_CLOEXEC), 0);
  const pid_t owner = fork();
  if (owner == 0) {
    const auto parent = CgroupParent::Open("");
    if (!parent) _exit(1);
    auto cgroup = (*parent)->Make("left");
    if (!cgroup) _exit(1);
    (void)StartSleep({.cgroup = cgroup->entrance(), .memory_info = {}});
    (void)!write(names[1], (*parent)->name().data(), (*parent)->name().size());
    kill(getpid(), SIGKILL);
  }
  ASSERT_EQ(waitpid(owner, nullptr, 0), owner);
  char buffer[128];
  const ssize_t got = read(names[0], buffer, sizeof buffer);
  close(names[0]);
  close(names[1]);
  ASSERT_GT(got, 0);
  const std::string dead(buffer, static_cast<size_t>(got));
  ASSERT_FALSE(CgroupDirectories(dead).empty());

  const auto next = OpenParent();
  EXPECT_EQ(CgroupDirectories(dead), std::vector<fs::path>());
  EXPECT_TRUE(fs::exists(CgroupDirectories(living->name()).front() / "kept"));
}

TEST_F(CgroupTest, ReadOnlyMountsAreNoHindrance) {
  const auto location = LocateCgroups(ReadFile("/proc/self/mountinfo"), ReadFile("/proc/self/cgroup"));
  ASSERT_TRUE(location.has_value());
  std::vector<fs::path> mounts;
  for (const CgroupHierarchy& hierarchy : location->hierarchies) {
    mounts.push_back(hierarchy.mount_point);
    ASSERT_EQ(mount(nullptr, mounts.back().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  }
  {
    const auto parent = OpenParent();
    EXPECT_TRUE(parent != nullptr && parent->Make("one").has_value());
  }
  for (const fs::path& path : mounts) {
    EXPECT_EQ(mkdir((path / "fumehood-never").c_str(), 0755), -1) << "the mount itself stays as it was";
    ASSERT_EQ(mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr), 0);
  }
}

// Also on a machine whose controllers are all in version 1, where version 2 has none to hand down.
TEST_F(CgroupTest, VersionTwoIsEnteredByItsDirectory) {
  const fs::path mount_point = "/sys/fs/cgroup/unified";
  if (!fs::exists(mount_point / "cgroup.procs")) GTEST_SKIP() << "needs version 2 beside version 1";
  const UniqueFd root(open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string name = "fumehood-test-" + std::to_string(getpid()) + "-" + std::to_string(time(nullptr));
  pid_t pid = -1;
  {
    auto cgroup = Cgroup::Make(CgroupVersion::kV2, {{.controllers = {}, .fd = root.get()}}, name);
    ASSERT_TRUE(cgroup.has_value()) << cgroup.error().message;
    pid = StartSleep({.cgroup = cgroup->entrance(), .memory_info = {}});
    EXPECT_THAT(CgroupsOf(pid), HasSubstr("0::/" + name + "\n"));
    EXPECT_TRUE(cgroup->controls().Usage().cpu.has_value());
  }
  EXPECT_FALSE(fs::exists(mount_point / name));
  EXPECT_EQ(waitpid(pid, nullptr, 0), pid);
}

TEST_F(CgroupTest, ProgramThatCannotBeStartedIsAnErrorThatNamesTheStep) {
  const Program program{.argv = {"/nowhere"}, .streams = {.in = null_.get(), .out = null_.get(), .err = null_.get()}};
  const auto not_there = SpawnConfined(program, {});
  ASSERT_FALSE(not_there.has_value());
  EXPECT_THAT(not_there.error().message, HasSubstr("start \"/nowhere\": execute it"));
  const auto no_cgroup = SpawnConfined(program, {.cgroup = {.directory = -1, .tasks = {-1}}, .memory_info = {}});
  ASSERT_FALSE(no_cgroup.has_value());
  EXPECT_THAT(no_cgroup.error().message, HasSubstr("join its cgroup"));
}

TEST_F(CgroupTest, MemoryInfoIsSeenByTheProgramOnly) {
  const TemporaryDirectory temp;
  WriteFile(temp / "meminfo", "MemTotal: 7 kB\n");
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe.has_value());
  const std::string before = ReadFile("/proc/meminfo").substr(0, 30);
  const auto pid = SpawnConfined({.argv = {"/bin/cat", "/proc/meminfo"},
                                  .streams = {.in = null_.get(), .out = pipe->write_end.get(), .err = null_.get()}},
                                 {.cgroup = {}, .memory_info = temp / "meminfo"});
  ASSERT_TRUE(pid.has_value()) << pid.error().message;
  ASSERT_EQ(waitpid(*pid, nullptr, 0), *pid);
  EXPECT_EQ(ReadAvailable(pipe->read_end.get(), 1024), "MemTotal: 7 kB\n");
  EXPECT_EQ(ReadFile("/proc/meminfo").substr(0, 30), before);
}

TEST_F(CgroupTest, HighestDescriptorIsThereFromTheStart) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe.has_value());
  const Program program{.argv = {"/bin/sh", "-c", "readlink /proc/self/fd/252"},
                        .streams = {.in = null_.get(), .out = pipe->write_end.get(), .err = null_.get()}};
  const auto pid = SpawnConfined(program, {.cgroup = {}, .memory_info = {}, .highest_descriptor = 252});
  ASSERT_TRUE(pid.has_value()) << pid.error().message;
  ASSERT_EQ(waitpid(*pid, nullptr, 0), *pid);
  EXPECT_EQ(ReadAvailable(pipe->read_end.get(), 1024), "/dev/null\n");
}

TEST_F(CgroupTest, FailureIsToldAlsoWhereItsPipeHasTheHighestDescriptor) {
  // What a copy of a new pipe's end gets.
  int free_descriptor = -1;
  {
    auto probe = MakePipe();
    ASSERT_TRUE(probe.has_value());
    free_descriptor = fcntl(probe->write_end.get(), F_DUPFD_CLOEXEC, 3);
    close(free_descriptor);
  }
  const Program program{.argv = {"/nowhere"}, .streams = {.in = null_.get(), .out = null_.get(), .err = null_.get()}};
  const auto pid = SpawnConfined(program, {.cgroup = {}, .memory_info = {}, .highest_descriptor = free_descriptor});
  ASSERT_FALSE(pid.has_value());
}

}  // namespace
}  // namespace fumehood::sandbox
