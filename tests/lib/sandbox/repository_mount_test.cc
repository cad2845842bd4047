#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <cerrno>

#include "lib/sandbox/repository.h"
#include "lib/sandbox/sandbox_directory.h"
#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

namespace fs = std::filesystem;

class RepositoryMountTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!WhyNotContained().empty()) GTEST_SKIP() << WhyNotContained();
    WriteFile(temp_ / "repository/README", "hello");
    fs::create_directories(temp_ / "repository/below");
    fs::create_directories(temp_ / "target");
    directory_.Reset(open((temp_ / "repository").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }

  TemporaryDirectory temp_;
  UniqueFd directory_;
};

TEST_F(RepositoryMountTest, IsReadOnlyWithoutDevicesAndSetUserId) {
  const auto mounted = MountReadOnly(directory_.get(), temp_ / "target");
  ASSERT_TRUE(mounted.has_value()) << mounted.error().message;
  struct statvfs seen{};
  ASSERT_EQ(statvfs((temp_ / "target").c_str(), &seen), 0);
  EXPECT_TRUE((seen.f_flag & ST_RDONLY) != 0 && (seen.f_flag & ST_NOSUID) != 0 && (seen.f_flag & ST_NODEV) != 0);
  EXPECT_EQ(open((temp_ / "target/new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600), -1);
  EXPECT_EQ(errno, EROFS);
}

TEST_F(RepositoryMountTest, WhatIsMountedBelowIsReadOnlyToo) {
  ASSERT_EQ(mount("tmpfs", (temp_ / "repository/below").c_str(), "tmpfs", 0, nullptr), 0);
  const MountPoint below(temp_ / "repository/below");
  const auto mounted = MountReadOnly(directory_.get(), temp_ / "target");
  ASSERT_TRUE(mounted.has_value()) << mounted.error().message;
  EXPECT_EQ(open((temp_ / "target/below/new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600), -1);
  EXPECT_EQ(errno, EROFS);
}

TEST_F(RepositoryMountTest, LaterMountsOnTheSourceDoNotArrive) {
  const auto mounted = MountReadOnly(directory_.get(), temp_ / "target");
  ASSERT_TRUE(mounted.has_value()) << mounted.error().message;
  ASSERT_EQ(mount("tmpfs", (temp_ / "repository/below").c_str(), "tmpfs", 0, nullptr), 0);
  const MountPoint below(temp_ / "repository/below");
  WriteFile(temp_ / "repository/below/new", "");
  EXPECT_FALSE(fs::exists(temp_ / "target/below/new"));
}

TEST_F(RepositoryMountTest, GoesAwayWithItsOwner) {
  {
    const auto mounted = MountReadOnly(directory_.get(), temp_ / "target");
  }
  EXPECT_TRUE(fs::is_empty(temp_ / "target"));
}

TEST_F(RepositoryMountTest, RemovingTheSandboxDirectoryNeverReachesIntoTheRepository) {
  const fs::path pool = temp_ / "pool";
  fs::create_directories(pool);
  auto directory = SandboxDirectory::Create(pool);
  ASSERT_TRUE(directory.has_value());
  // Writable, so that only our own care protects it.
  ASSERT_EQ(mount((temp_ / "repository").c_str(), directory->repository().c_str(), nullptr, MS_BIND, nullptr), 0);
  const MountPoint mounted(directory->repository());
  SandboxDirectory::Remove(pool / directory->id());
  EXPECT_TRUE(fs::exists(temp_ / "repository/README"));
}

}  // namespace
}  // namespace fumehood::sandbox
