#include "cli/remembered.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "tests/lib/sandbox/temporary_directory.h"

namespace fumehood::cli {
namespace {

class RememberedTest : public testing::Test {
 protected:
  void SetUp() override { setenv("XDG_CACHE_HOME", temp_.path().c_str(), 1); }
  void TearDown() override { unsetenv("XDG_CACHE_HOME"); }

  sandbox::TemporaryDirectory temp_;
};

TEST_F(RememberedTest, AFactIsKnownUnderItsKey) {
  EXPECT_EQ(Recall("colour", "today"), std::nullopt);
  Remember("colour", "today", "red");
  EXPECT_EQ(Recall("colour", "today"), "red");
  EXPECT_EQ(Recall("colour", "tomorrow"), std::nullopt);
  EXPECT_EQ(Recall("size", "today"), std::nullopt);
}

TEST_F(RememberedTest, ANewKeyTakesThePlaceOfTheOld) {
  Remember("colour", "today", "red");
  Remember("colour", "tomorrow", "blue");
  EXPECT_EQ(Recall("colour", "today"), std::nullopt);
  EXPECT_EQ(Recall("colour", "tomorrow"), "blue");
}

TEST_F(RememberedTest, WhatIsForgottenIsNotKnown) {
  Remember("colour", "today", "red");
  Forget("colour");
  EXPECT_EQ(Recall("colour", "today"), std::nullopt);
}

TEST_F(RememberedTest, WhatIsDamagedIsNotKnown) {
  for (const char* content : {"", "{", "[]", "3", R"({"key": "today"})", R"({"key": "today", "colour": 3})"}) {
    sandbox::WriteFile(temp_ / "fumehood/colour.json", content);
    EXPECT_EQ(Recall("colour", "today"), std::nullopt) << content;
  }
}

TEST_F(RememberedTest, WithoutAFolderNothingIsKnown) {
  const std::string home = getenv("HOME") == nullptr ? "" : getenv("HOME");
  unsetenv("HOME");
  unsetenv("XDG_CACHE_HOME");
  Remember("colour", "today", "red");
  EXPECT_EQ(Recall("colour", "today"), std::nullopt);
  setenv("HOME", home.c_str(), 1);
}

TEST(FingerprintTest, ChangesWithTheFile) {
  const sandbox::TemporaryDirectory temp;
  const auto program = temp / "program";
  EXPECT_EQ(Fingerprint(program), "none");
  sandbox::WriteFile(program, "one");
  const std::string before = Fingerprint(program);
  EXPECT_EQ(Fingerprint(program), before);

  // Of the same size, and as old as the first.
  struct stat status{};
  ASSERT_EQ(stat(program.c_str(), &status), 0);
  const timespec times[] = {status.st_atim, status.st_mtim};
  // The clock of file systems moves on every few milliseconds only.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  do {
    sandbox::WriteFile(program, "two");
    ASSERT_EQ(utimensat(AT_FDCWD, program.c_str(), times, 0), 0);
  } while (Fingerprint(program) == before && std::chrono::steady_clock::now() < deadline);
  EXPECT_NE(Fingerprint(program), before);
}

}  // namespace
}  // namespace fumehood::cli
