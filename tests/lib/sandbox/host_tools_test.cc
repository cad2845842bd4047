#include "lib/sandbox/host_tools.h"

#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

namespace fs = std::filesystem;

class HostToolsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!WhyNotContained().empty()) GTEST_SKIP() << WhyNotContained();
  }

  TemporaryDirectory temp_;
};

TEST_F(HostToolsTest, ShowsProgramsAndNothingElseOfTheHost) {
  const HostTools tools = HostTools::Open(temp_.path()).value();
  EXPECT_TRUE(fs::exists(temp_ / "usr/bin/env"));
  EXPECT_TRUE(fs::exists(temp_ / "bin"));
  for (const char* hidden : {"root", "home", "var", "run", "srv", "etc/shadow", "etc/hostname", "etc/ssh"}) {
    EXPECT_FALSE(fs::exists(temp_ / hidden)) << hidden;
  }
}

TEST_F(HostToolsTest, NothingCanBeWrittenThroughIt) {
  const HostTools tools = HostTools::Open(temp_.path()).value();
  struct statvfs status{};
  ASSERT_EQ(statvfs((temp_ / "usr").c_str(), &status), 0);
  EXPECT_NE(status.f_flag & ST_RDONLY, 0u);
  EXPECT_NE(status.f_flag & ST_NOSUID, 0u);
  EXPECT_FALSE(std::ofstream(temp_ / "usr/bin/fumehood-test"));
}

TEST_F(HostToolsTest, TheAccountsAreItsOwn) {
  const HostTools tools = HostTools::Open(temp_.path()).value();
  const std::string accounts = ReadFile(temp_ / "etc/passwd");
  EXPECT_NE(accounts.find("sandbox:x:1000:1000:"), std::string::npos);
  EXPECT_EQ(std::ranges::count(accounts, '\n'), 3);
}

TEST_F(HostToolsTest, IsUnmountedAfterwards) {
  {
    const HostTools tools = HostTools::Open(temp_.path()).value();
  }
  EXPECT_TRUE(fs::is_empty(temp_ / "usr"));
}

}  // namespace
}  // namespace fumehood::sandbox
