#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "lib/sandbox/repository.h"
#include "tests/lib/sandbox/temporary_directory.h"

namespace fumehood::sandbox {
namespace {

namespace fs = std::filesystem;

class RepositoryOpenTest : public testing::Test {
 protected:
  RepositoryOpenTest() {
    WriteFile(temp_ / "outside/secret", "s");
    WriteFile(temp_ / "root/shop/README", "r");
    WriteFile(temp_ / "root/team/inner/README", "r");
    WriteFile(temp_ / "root/file", "f");
    fs::create_directory_symlink("shop", temp_ / "root/link");
    fs::create_directory_symlink("team", temp_ / "root/middle");
    fs::create_directory_symlink("../outside", temp_ / "root/escape");
    root_.Reset(open((temp_ / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }

  TemporaryDirectory temp_;
  UniqueFd root_;
};

TEST_F(RepositoryOpenTest, DirectoriesBelowTheRootAreOpened) {
  for (const char* path : {"shop", "team/inner"}) {
    const auto opened = OpenRepository(root_.get(), "", path);
    ASSERT_TRUE(opened.has_value()) << path;
    ASSERT_TRUE(std::holds_alternative<UniqueFd>(*opened)) << path;
    EXPECT_EQ(faccessat(std::get<UniqueFd>(*opened).get(), "README", F_OK, 0), 0);
  }
}

struct RefusedCase {
  const char* name;
  const char* path;
  const char* want_in_message;
};

class RepositoryRefusedTest : public RepositoryOpenTest, public testing::WithParamInterface<RefusedCase> {};

TEST_P(RepositoryRefusedTest, SaysWhy) {
  const auto opened = OpenRepository(root_.get(), "", GetParam().path);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  const auto* refused = std::get_if<NotStarted>(&*opened);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->cause, NotStarted::Cause::kRepositoryUnavailable);
  EXPECT_THAT(refused->message, testing::HasSubstr(GetParam().want_in_message));
  EXPECT_THAT(refused->message, testing::HasSubstr(GetParam().path));
  EXPECT_THAT(refused->message, testing::Not(testing::HasSubstr(temp_.path().string())));
}

INSTANTIATE_TEST_SUITE_P(All, RepositoryRefusedTest,
                         testing::Values(RefusedCase{"Empty", "", "empty"}, RefusedCase{"Absolute", "/etc", "absolute"},
                                         RefusedCase{"DotDot", "../outside", "not allowed"},
                                         RefusedCase{"DotDotInside", "shop/../team", "not allowed"},
                                         RefusedCase{"Missing", "nothing", "there is no repository"},
                                         RefusedCase{"MissingBelow", "shop/nothing", "there is no repository"},
                                         RefusedCase{"File", "file", "not a directory"},
                                         RefusedCase{"BelowFile", "file/x", "not a directory"},
                                         RefusedCase{"SymbolicLink", "link", "symbolic link"},
                                         RefusedCase{"SymbolicLinkInTheMiddle", "middle/inner", "symbolic link"},
                                         RefusedCase{"SymbolicLinkOut", "escape", "symbolic link"}),
                         [](const auto& row) { return row.param.name; });

// Two teams below one root, each with what points to the other.
class RepositoryOfATeamTest : public testing::Test {
 protected:
  RepositoryOfATeamTest() {
    WriteFile(temp_ / "root/team-a/shop/README", "a");
    WriteFile(temp_ / "root/team-b/secret/README", "b");
    fs::create_directory_symlink("../team-b/secret", temp_ / "root/team-a/x");
    fs::create_directory_symlink((temp_ / "root/team-b/secret").string(), temp_ / "root/team-a/absolute");
    fs::create_directory_symlink("..", temp_ / "root/team-a/up");
    fs::create_directory_symlink("team-b", temp_ / "root/team-c");
    root_.Reset(open((temp_ / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  // The content of its README, or why it can't be had.
  std::string Open(std::string_view readable, std::string_view path) {
    auto opened = OpenRepository(root_.get(), readable, path);
    if (!opened) return "error: " + opened.error().message;
    if (const auto* refused = std::get_if<NotStarted>(&*opened)) return refused->message;
    const UniqueFd file(openat(std::get<UniqueFd>(*opened).get(), "README", O_RDONLY | O_CLOEXEC));
    char content = '-';
    return file.valid() && read(file.get(), &content, 1) == 1 ? std::string(1, content) : "no README";
  }

  TemporaryDirectory temp_;
  UniqueFd root_;
};

TEST_F(RepositoryOfATeamTest, ItsOwnAreOpened) {
  EXPECT_EQ(Open("team-a", "team-a/shop"), "a");
  EXPECT_EQ(Open("team-a/shop", "team-a/shop"), "a");
  EXPECT_EQ(Open("team-a", "team-a"), "no README");
}

TEST_F(RepositoryOfATeamTest, AnothersAreNotReached) {
  for (const char* path : {"team-b/secret", "team-ab", "team-a/../team-b/secret", "team-a/x", "team-a/absolute",
                           "team-a/up/team-b/secret", "team-a/..", ""}) {
    EXPECT_THAT(Open("team-a", path), testing::HasSubstr("the repository")) << path;
  }
  EXPECT_THAT(Open("team-c", "team-c/secret"), testing::HasSubstr("symbolic link"));
  EXPECT_THAT(Open("team-d", "team-d/x"), testing::HasSubstr("there is no repository \"team-d/x\""));
}

}  // namespace
}  // namespace fumehood::sandbox
