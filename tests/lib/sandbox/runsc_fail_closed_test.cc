// Where isolation can't be had as it should be, nothing runs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <filesystem>
#include <string>

#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class RunscFailClosedTest : public RunscTest {
 protected:
  // The error with which a command fails that must not have been started.
  Error ErrorOfRun() {
    bool started = false;
    const auto result = runner().Run(Command({"true"}), [&started] { started = true; }, {});
    EXPECT_FALSE(started);
    EXPECT_FALSE(result.has_value());
    return result ? Error() : result.error();
  }
};

TEST_F(RunscFailClosedTest, WithoutThePlatformNothingRunsOnAnother) {
  RunscOptions options = Options();
  options.runsc = temp() / "runsc-without-systrap";
  options.pool = {};
  // Everything is as it is, but the platform that is asked for isn't known.
  WriteFile(options.runsc, fmt::format("#!/bin/bash\nexec {} \"${{@/--platform=systrap/--platform=nowhere}}\"\n",
                                       Options().runsc.string()));
  fs::permissions(options.runsc, fs::perms{0755});
  Use(options);
  EXPECT_THAT(ErrorOfRun().message, HasSubstr("start sandbox"));
}

TEST_F(RunscFailClosedTest, WithoutTheMountOfItsRepositoryNothingRuns) {
  RunscOptions options = Options();
  options.repository_root = temp() / "unmounted";
  fs::create_directory(options.repository_root);
  ASSERT_EQ(mount("tmpfs", options.repository_root.c_str(), "tmpfs", 0, nullptr), 0);
  WriteFile(options.repository_root / "shop/README", "hello\n");
  Use(options);
  // The runner's descriptor still reaches it, and what isn't mounted any more can't be mounted elsewhere.
  ASSERT_EQ(umount2(options.repository_root.c_str(), MNT_DETACH), 0);
  EXPECT_THAT(ErrorOfRun().message, HasSubstr("clone its mount"));
}

}  // namespace
}  // namespace fumehood::sandbox
