#include "cli/local_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "tests/lib/sandbox/temporary_directory.h"

namespace fumehood::cli {
namespace {

using testing::HasSubstr;

class LocalOptionsTest : public testing::Test {
 protected:
  void SetUp() override {
    unsetenv("FUMEHOOD_RUNSC");
    unsetenv("VIRTUAL_ENV");
    setenv("PATH", std::string(temp_ / "path").c_str(), 1);
  }

  std::string MakeProgram(const std::string& name) {
    sandbox::WriteFile(temp_ / name, "#!/bin/sh\n");
    chmod(std::string(temp_ / name).c_str(), 0755);
    return temp_ / name;
  }

  sandbox::TemporaryDirectory temp_;
};

TEST(IsolationTest, HasANameForEach) {
  for (const auto isolation : {Isolation::kAuto, Isolation::kRunsc, Isolation::kDocker, Isolation::kProcess}) {
    EXPECT_EQ(ParseIsolation(ToString(isolation)), isolation);
  }
  EXPECT_EQ(ParseIsolation("Runsc"), std::nullopt);
  EXPECT_EQ(ParseIsolation(""), std::nullopt);
}

TEST_F(LocalOptionsTest, WhatIsNamedComesFirst) {
  MakeProgram("path/runsc");
  setenv("FUMEHOOD_RUNSC", MakeProgram("of-the-environment").c_str(), 1);
  EXPECT_EQ(*FindRunsc({.runsc = MakeProgram("of-the-options")}), temp_ / "of-the-options");
  EXPECT_EQ(*FindRunsc({}), temp_ / "of-the-environment");
}

TEST_F(LocalOptionsTest, WhatIsNamedMustBeThere) {
  MakeProgram("path/runsc");
  setenv("FUMEHOOD_RUNSC", "/nowhere/runsc", 1);
  const auto found = FindRunsc({});
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("FUMEHOOD_RUNSC"));
  EXPECT_THAT(found.error().message, HasSubstr("/nowhere/runsc"));
}

TEST_F(LocalOptionsTest, ThenTheVirtualEnvironmentAndThePath) {
  MakeProgram("path/runsc");
  EXPECT_EQ(*FindRunsc({}), temp_ / "path/runsc");
  MakeProgram("venv/bin/runsc");
  setenv("VIRTUAL_ENV", std::string(temp_ / "venv").c_str(), 1);
  EXPECT_EQ(*FindRunsc({}), temp_ / "venv/bin/runsc");
}

TEST_F(LocalOptionsTest, AFileThatMayNotBeExecutedIsNoProgram) {
  MakeProgram("path/docker");
  chmod(std::string(temp_ / "path/docker").c_str(), 0644);
  sandbox::WriteFile(temp_ / "other/docker/file", "");
  setenv("PATH", (std::string(temp_ / "path") + ":" + std::string(temp_ / "other")).c_str(), 1);
  const auto found = FindDocker({});
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr(temp_ / "path"));
}

TEST_F(LocalOptionsTest, RelativeFoldersOfThePathAreLeftOut) {
  MakeProgram("docker");
  ASSERT_EQ(chdir(std::string(temp_ / "").c_str()), 0);
  for (const char* path : {".", "", ":", "./:"}) {
    setenv("PATH", path, 1);
    EXPECT_FALSE(FindDocker({})) << path;
  }
}

}  // namespace
}  // namespace fumehood::cli
