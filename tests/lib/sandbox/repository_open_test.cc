#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
    const auto opened = OpenRepository(root_.get(), path);
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
  const auto opened = OpenRepository(root_.get(), GetParam().path);
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

}  // namespace
}  // namespace fumehood::sandbox
