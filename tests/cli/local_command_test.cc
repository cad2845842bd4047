#include "cli/local_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/lib/sandbox/temporary_directory.h"

namespace fumehood::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ToRequestTest : public testing::Test {
 protected:
  ToRequestTest() {
    sandbox::WriteFile(temp_ / "shop/src/main", "");
    sandbox::WriteFile(temp_ / "worktree/README", "");
    fs::create_directory_symlink(std::string(temp_ / "shop"), std::string(temp_ / "link"));
  }

  // Below the root, as a runner takes it.
  std::string Relative(const std::string& name) const {
    return fs::canonical(std::string(temp_ / name)).relative_path().string();
  }
  static Result<sandbox::RunRequest> RequestFor(const std::string& repository, const std::string& working_dir) {
    return ToRequest({.argv = {"true"}, .repository = repository, .working_dir = working_dir}, {}, Isolation::kRunsc);
  }

  sandbox::TemporaryDirectory temp_;
};

TEST_F(ToRequestTest, TheRepositoryIsWhereTheCommandStarts) {
  const auto request = RequestFor(temp_ / "shop", "");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->repository_path, Relative("shop"));
  EXPECT_EQ(request->working_dir, "");
  EXPECT_THAT(request->also_visible, IsEmpty());
}

TEST_F(ToRequestTest, AWorkingDirectoryAloneIsTheRepository) {
  EXPECT_EQ(RequestFor("", temp_ / "shop")->repository_path, Relative("shop"));
}

TEST_F(ToRequestTest, WithoutEitherTheCurrentDirectoryIs) {
  ASSERT_EQ(chdir(std::string(temp_ / "shop").c_str()), 0);
  EXPECT_EQ(RequestFor("", "")->repository_path, Relative("shop"));
}

TEST_F(ToRequestTest, AWorkingDirectoryInTheRepositoryIsBelowTheWorkspace) {
  const auto request = RequestFor(temp_ / "shop", temp_ / "shop/src/../src");
  EXPECT_EQ(request->repository_path, Relative("shop"));
  EXPECT_EQ(request->working_dir, "src");
  EXPECT_THAT(request->also_visible, IsEmpty());
}

TEST_F(ToRequestTest, AWorkingDirectoryElsewhereIsTheWorkspaceAndTheRepositoryAtItsOwnPath) {
  const auto request = RequestFor(temp_ / "shop", temp_ / "worktree");
  EXPECT_EQ(request->repository_path, Relative("worktree"));
  EXPECT_EQ(request->working_dir, "");
  EXPECT_THAT(request->also_visible, ElementsAre(fs::canonical(std::string(temp_ / "shop"))));
}

TEST_F(ToRequestTest, ANameThatBeginsAlikeIsAnotherDirectory) {
  sandbox::WriteFile(temp_ / "shop2/README", "");
  EXPECT_EQ(RequestFor(temp_ / "shop", temp_ / "shop2")->repository_path, Relative("shop2"));
}

TEST_F(ToRequestTest, LinksAreFollowed) {
  EXPECT_EQ(RequestFor(temp_ / "link", "")->repository_path, Relative("shop"));
}

TEST_F(ToRequestTest, WhatCannotBeUsedIsAnError) {
  for (const auto& [repository, says] : {std::pair<std::string, std::string>{temp_ / "nowhere", "No such file"},
                                         {temp_ / "shop/src/main", "not a directory"},
                                         {"/", "whole file system"}}) {
    const auto request = RequestFor(repository, "");
    ASSERT_FALSE(request) << repository;
    EXPECT_EQ(request.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(request.error().message, HasSubstr(says));
  }
}

TEST_F(ToRequestTest, ARepositoryMustNotHideWhatASandboxHas) {
  for (const std::string repository : {"/usr", "/usr/share", "/proc", "/dev/shm", "/tmp"}) {
    const auto request = RequestFor(repository, "/etc");
    ASSERT_FALSE(request) << repository;
    EXPECT_THAT(request.error().message, HasSubstr(repository));
  }
}

TEST_F(ToRequestTest, TheImageIsWhatTheIsolationKnows) {
  const LocalCommand command{.argv = {"true"}, .repository = std::string(temp_ / "shop")};
  EXPECT_EQ(ToRequest(command, {}, Isolation::kRunsc)->image, "host");
  EXPECT_EQ(ToRequest(command, {.image = "/images/debian"}, Isolation::kRunsc)->image, "default");
  EXPECT_EQ(ToRequest(command, {}, Isolation::kDocker)->image, "busybox");
  EXPECT_EQ(ToRequest(command, {.image = "debian:12"}, Isolation::kDocker)->image, "debian:12");
}

}  // namespace
}  // namespace fumehood::cli
