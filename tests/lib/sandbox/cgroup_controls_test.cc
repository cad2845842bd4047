// What is written into a cgroup's files and read from them, on directories that merely look like cgroups.
#include "lib/sandbox/cgroup_controls.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "lib/sandbox/cgroup_delegation.h"
#include "tests/lib/sandbox/temporary_directory.h"

namespace fumehood::sandbox {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

std::string Content(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class CgroupControlsTest : public testing::Test {
 protected:
  void Make(const fs::path& directory, std::initializer_list<const char*> files) {
    for (const char* file : files) WriteFile(directory / file, "");
  }
  UniqueFd Open(const fs::path& directory) {
    return UniqueFd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  CgroupControls VersionOne() {
    std::vector<CgroupControls::Directory> directories;
    directories.push_back({.controllers = {"cpu", "cpuacct"}, .fd = Open(temp_ / "cpu")});
    directories.push_back({.controllers = {"memory"}, .fd = Open(temp_ / "memory")});
    return {CgroupVersion::kV1, std::move(directories)};
  }
  CgroupControls VersionTwo(std::vector<std::string> controllers) {
    std::vector<CgroupControls::Directory> directories;
    directories.push_back({.controllers = std::move(controllers), .fd = Open(temp_.path())});
    return {CgroupVersion::kV2, std::move(directories)};
  }

  TemporaryDirectory temp_;
};

TEST_F(CgroupControlsTest, VersionOneIsWrittenInItsHierarchies) {
  Make(temp_ / "cpu", {"cpu.cfs_period_us", "cpu.cfs_quota_us"});
  Make(temp_ / "memory", {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max_usage_in_bytes"});
  CgroupControls controls = VersionOne();
  EXPECT_TRUE(controls.LimitMemory(67'108'864));
  EXPECT_TRUE(controls.LimitCpu(1'500));
  controls.ForgetPeakMemory();
  EXPECT_EQ(Content(temp_ / "memory/memory.limit_in_bytes"), "67108864");
  EXPECT_EQ(Content(temp_ / "memory/memory.memsw.limit_in_bytes"), "67108864");
  EXPECT_EQ(Content(temp_ / "memory/memory.max_usage_in_bytes"), "0");
  EXPECT_EQ(Content(temp_ / "cpu/cpu.cfs_period_us"), "100000");
  EXPECT_EQ(Content(temp_ / "cpu/cpu.cfs_quota_us"), "150000");
}

TEST_F(CgroupControlsTest, WeightIsATenthOrAsTheKernelGivesIt) {
  Make(temp_ / "cpu", {"cpu.shares"});
  fs::create_directories(temp_ / "memory");
  Make(temp_.path(), {"cpu.weight"});
  EXPECT_TRUE(VersionOne().WeighCpu(CpuWeight::kLow));
  EXPECT_EQ(Content(temp_ / "cpu/cpu.shares"), "102");
  EXPECT_TRUE(VersionOne().WeighCpu(CpuWeight::kOrdinary));
  EXPECT_EQ(Content(temp_ / "cpu/cpu.shares"), "1024");
  EXPECT_TRUE(VersionTwo({"cpu"}).WeighCpu(CpuWeight::kLow));
  EXPECT_EQ(Content(temp_ / "cpu.weight"), "10");
  EXPECT_TRUE(VersionTwo({"cpu"}).WeighCpu(CpuWeight::kOrdinary));
  EXPECT_EQ(Content(temp_ / "cpu.weight"), "100");
}

TEST_F(CgroupControlsTest, VersionOneCountsMemoryOnlyWhereSwapIsNotCounted) {
  Make(temp_ / "cpu", {});
  fs::create_directories(temp_ / "cpu");
  Make(temp_ / "memory", {"memory.limit_in_bytes"});
  EXPECT_TRUE(VersionOne().LimitMemory(1));
}

TEST_F(CgroupControlsTest, VersionOneIsReadFromItsHierarchies) {
  WriteFile(temp_ / "cpu/cpuacct.usage", "1234567\n");
  WriteFile(temp_ / "memory/memory.max_usage_in_bytes", "4096\n");
  WriteFile(temp_ / "memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  const CgroupUsage usage = VersionOne().Usage();
  EXPECT_EQ(usage.cpu, 1234us);
  EXPECT_EQ(usage.peak_memory_bytes, 4096u);
  EXPECT_EQ(usage.oom_kills, 3u);
}

TEST_F(CgroupControlsTest, VersionTwoIsWrittenInOneDirectory) {
  Make(temp_.path(), {"memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "pids.max"});
  CgroupControls controls = VersionTwo({"memory", "cpu", "pids"});
  EXPECT_TRUE(controls.LimitMemory(1'000));
  EXPECT_TRUE(controls.LimitCpu(250));
  EXPECT_TRUE(controls.LimitProcesses(77));
  EXPECT_EQ(Content(temp_ / "memory.max"), "1000");
  EXPECT_EQ(Content(temp_ / "memory.swap.max"), "0");
  EXPECT_EQ(Content(temp_ / "memory.oom.group"), "1");
  EXPECT_EQ(Content(temp_ / "cpu.max"), "25000 100000");
  EXPECT_EQ(Content(temp_ / "pids.max"), "77");
}

TEST_F(CgroupControlsTest, VersionTwoIsReadFromOneDirectory) {
  WriteFile(temp_ / "cpu.stat", "usage_usec 555\nuser_usec 500\nsystem_usec 55\n");
  WriteFile(temp_ / "memory.peak", "8192\n");
  WriteFile(temp_ / "memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 21\noom_group_kill 1\n");
  const CgroupUsage usage = VersionTwo({"memory", "cpu", "pids"}).Usage();
  EXPECT_EQ(usage.cpu, 555us);
  EXPECT_EQ(usage.peak_memory_bytes, 8192u);
  EXPECT_EQ(usage.oom_kills, 21u);
}

TEST_F(CgroupControlsTest, WhatIsNotThereIsUnknown) {
  WriteFile(temp_ / "cpu.stat", "nonsense");
  const CgroupUsage usage = VersionTwo({"memory"}).Usage();
  EXPECT_FALSE(usage.cpu || usage.peak_memory_bytes);
  EXPECT_EQ(usage.oom_kills, 0u);
}

TEST_F(CgroupControlsTest, WithoutItsControllerALimitIsAnErrorThatNamesIt) {
  const Status limited = VersionTwo({"memory"}).LimitProcesses(1);
  ASSERT_FALSE(limited);
  EXPECT_THAT(limited.error().message, HasSubstr("\"pids\""));
}

TEST_F(CgroupControlsTest, ALimitThatCannotBeWrittenIsAnErrorThatNamesTheFile) {
  const Status limited = VersionTwo({"memory"}).LimitMemory(1);
  ASSERT_FALSE(limited);
  EXPECT_THAT(limited.error().message, HasSubstr("memory.max"));
}

class CgroupDelegationTest : public CgroupControlsTest {};

TEST_F(CgroupDelegationTest, OwnCgroupIsHandedDownFromALeaf) {
  WriteFile(temp_ / "own/cgroup.controllers", "cpuset cpu io memory pids misc\n");
  Make(temp_ / "own", {"cgroup.type", "cgroup.subtree_control", "fumehood-leaf/cgroup.procs"});
  const auto delegated = Delegate(Open(temp_.path()).get(), "own");
  ASSERT_TRUE(delegated.has_value()) << delegated.error().message;
  EXPECT_EQ(delegated->controllers, (std::vector<std::string>{"cpu", "memory", "pids"}));
  EXPECT_EQ(Content(temp_ / "own/fumehood-leaf/cgroup.procs"), "0");
  EXPECT_EQ(Content(temp_ / "own/cgroup.subtree_control"), "+cpu +memory +pids");
}

TEST_F(CgroupDelegationTest, MachinesRootIsHandedDownAsItIs) {
  WriteFile(temp_ / "cgroup.controllers", "cpu memory\n");
  Make(temp_.path(), {"cgroup.subtree_control"});
  const auto delegated = Delegate(Open(temp_.path()).get(), "");
  ASSERT_TRUE(delegated.has_value()) << delegated.error().message;
  EXPECT_EQ(Content(temp_ / "cgroup.subtree_control"), "+cpu +memory");
  EXPECT_FALSE(fs::exists(temp_ / "fumehood-leaf"));
}

TEST_F(CgroupDelegationTest, MachinesRootServesWhereOursDoesNot) {
  WriteFile(temp_ / "cgroup.controllers", "cpu memory\n");
  Make(temp_.path(), {"cgroup.subtree_control"});
  // Nothing is handed down to it.
  WriteFile(temp_ / "own/cgroup.controllers", "\n");
  Make(temp_ / "own", {"cgroup.type", "cgroup.procs", "fumehood-leaf/cgroup.procs"});
  const auto delegated = Delegate(Open(temp_.path()).get(), "own");
  ASSERT_TRUE(delegated.has_value()) << delegated.error().message;
  EXPECT_EQ(Content(temp_ / "cgroup.subtree_control"), "+cpu +memory");
  EXPECT_EQ(Content(temp_ / "own/cgroup.procs"), "0") << "we are back where we were";
}

TEST_F(CgroupDelegationTest, APathIsHandedDownFromItsTop) {
  for (const char* directory : {"", "a", "a/b"}) {
    WriteFile(temp_.path() / directory / "cgroup.controllers", "memory pids\n");
    Make(temp_.path() / directory, {"cgroup.subtree_control"});
  }
  const auto delegated = DelegatePath(Open(temp_.path()).get(), "/a/b");
  ASSERT_TRUE(delegated.has_value()) << delegated.error().message;
  for (const char* directory : {"", "a", "a/b"}) {
    EXPECT_EQ(Content(temp_.path() / directory / "cgroup.subtree_control"), "+memory +pids") << directory;
  }
}

TEST_F(CgroupDelegationTest, WithoutControllersThereIsAnError) {
  WriteFile(temp_ / "cgroup.controllers", "cpuset io\n");
  const auto delegated = Delegate(Open(temp_.path()).get(), "");
  ASSERT_FALSE(delegated.has_value());
  EXPECT_THAT(delegated.error().message, HasSubstr("none of the controllers"));
}

}  // namespace
}  // namespace fumehood::sandbox
