#include "lib/kube/token_source.h"

#include <gmock/gmock.h>

#include <fstream>

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

class HandClock final : public Clock {
 public:
  SteadyTime SteadyNow() const override { return now; }
  WallTime WallNow() const override { return {}; }
  SteadyTime now{1h};
};

class TokenSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = std::filesystem::temp_directory_path() / "token-test-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& content) const { std::ofstream(file()) << content; }
  std::filesystem::path file() const { return folder_ / "token"; }

  std::filesystem::path folder_;
  HandClock clock_;
};

TEST_F(TokenSourceTest, WithoutAFileTheFixedTokenIsUsed) {
  EXPECT_EQ(*TokenSource("fixed", "", clock_).Current(), "fixed");
  EXPECT_EQ(*TokenSource("", "", clock_).Current(), "");
}

TEST_F(TokenSourceTest, TheFileWinsOverTheFixedToken) {
  Write("  from-file\n");
  EXPECT_EQ(*TokenSource("fixed", file(), clock_).Current(), "from-file");
}

TEST_F(TokenSourceTest, ReadsTheFileAgainAfterAMinute) {
  Write("old");
  TokenSource tokens("", file(), clock_);
  EXPECT_EQ(*tokens.Current(), "old");
  Write("new");
  clock_.now += 59s;
  EXPECT_EQ(*tokens.Current(), "old");
  clock_.now += 1s;
  EXPECT_EQ(*tokens.Current(), "new");
}

TEST_F(TokenSourceTest, ReadsTheFileAgainWhenItsTokenWasRefused) {
  Write("old");
  TokenSource tokens("", file(), clock_);
  EXPECT_EQ(*tokens.Current(), "old");
  Write("new");
  tokens.Refused("an even older one");
  EXPECT_EQ(*tokens.Current(), "old");
  tokens.Refused("old");
  EXPECT_EQ(*tokens.Current(), "new");
}

TEST_F(TokenSourceTest, KeepsTheOldTokenWhileTheFileCannotBeUsed) {
  Write("old");
  TokenSource tokens("", file(), clock_);
  EXPECT_EQ(*tokens.Current(), "old");
  for (const std::string unusable : {"", "\n", "two\nlines", "nul\x01"}) {
    Write(unusable);
    clock_.now += 60s;
    EXPECT_EQ(*tokens.Current(), "old") << unusable;
  }
  std::filesystem::remove(file());
  clock_.now += 60s;
  EXPECT_EQ(*tokens.Current(), "old");
}

TEST_F(TokenSourceTest, AFileThatWasNeverThereIsAnError) {
  EXPECT_EQ(TokenSource("fixed", file(), clock_).Current().error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace fumehood::kube
