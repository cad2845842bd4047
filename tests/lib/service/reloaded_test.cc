#include "lib/service/reloaded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/metrics_document.h"

namespace fumehood::service {
namespace {

using testing::HasSubstr;

// Takes any text but "bad".
Result<std::string> ReadText(const std::string& content, const std::string& file) {
  if (content == "bad") return Fail(ErrorCode::kInvalid, "{}:1: bad", file);
  return content;
}

class ReloadedTest : public testing::Test {
 protected:
  ReloadedTest() {
    std::string folder = testing::TempDir() + "reloaded.XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  ~ReloadedTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& content, const std::string& name = "config") {
    std::ofstream(folder_ / name) << content;
  }
  auto Open() { return Reloaded<std::string>::Open(folder_ / "config", ReadText, log_, metrics_); }
  bool SaysSuccessful() {
    return metrics_.Render().find("fumehood_config_last_reload_successful 1\n") != std::string::npos;
  }

  std::filesystem::path folder_;
  Log log_{LogLevel::kError};
  Metrics metrics_;
};

TEST_F(ReloadedTest, WithoutAFileItIsTheDefault) {
  const auto reloaded = Reloaded<std::string>::Open("", ReadText, log_, metrics_);
  ASSERT_TRUE(reloaded);
  EXPECT_FALSE((*reloaded)->Refresh());
  EXPECT_EQ(*(*reloaded)->Get(), "");
  EXPECT_TRUE(SaysSuccessful());
}

TEST_F(ReloadedTest, WhatCannotBeUsedAtTheStartIsAnError) {
  const auto missing = Open();
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("config"));
  Write("bad");
  const auto bad = Open();
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("config:1: bad"));
}

TEST_F(ReloadedTest, ItsMetricIsDocumented) {
  ASSERT_TRUE(Reloaded<std::string>::Open("", ReadText, log_, metrics_));
  EXPECT_EQ(RegisteredMetrics(metrics_.registry()), DocumentedMetrics({"Any process", "Configuration"}));
}

TEST_F(ReloadedTest, AChangeIsTaken) {
  Write("one");
  const auto reloaded = Open();
  ASSERT_TRUE(reloaded);
  const auto before = (*reloaded)->Get();
  EXPECT_FALSE((*reloaded)->Refresh());
  Write("two");
  EXPECT_TRUE((*reloaded)->Refresh());
  EXPECT_EQ(*(*reloaded)->Get(), "two");
  EXPECT_EQ(*before, "one");
}

// As a kubelet does it: the file is a link through a link to a folder, and the latter is swapped.
TEST_F(ReloadedTest, ASwappedConfigMapIsTaken) {
  for (const char* version : {"1", "2"}) {
    std::filesystem::create_directory(folder_ / version);
    Write(version, std::string(version) + "/config");
  }
  std::filesystem::create_symlink("1", folder_ / "..data");
  std::filesystem::create_symlink("..data/config", folder_ / "config");
  const auto reloaded = Open();
  ASSERT_TRUE(reloaded);
  std::filesystem::create_symlink("2", folder_ / "..new");
  std::filesystem::rename(folder_ / "..new", folder_ / "..data");
  EXPECT_TRUE((*reloaded)->Refresh());
  EXPECT_EQ(*(*reloaded)->Get(), "2");
}

TEST_F(ReloadedTest, WhatCannotBeUsedLaterLeavesItAsItIs) {
  Write("one");
  const auto reloaded = Open();
  ASSERT_TRUE(reloaded);
  Write("bad");
  EXPECT_FALSE((*reloaded)->Refresh());
  EXPECT_EQ(*(*reloaded)->Get(), "one");
  EXPECT_FALSE(SaysSuccessful());
  std::filesystem::remove(folder_ / "config");
  EXPECT_FALSE((*reloaded)->Refresh());
  EXPECT_EQ(*(*reloaded)->Get(), "one");
  EXPECT_FALSE(SaysSuccessful());
}

TEST_F(ReloadedTest, WhatWasInForceAllTheTimeIsSuccessfulAgain) {
  Write("one");
  const auto reloaded = Open();
  ASSERT_TRUE(reloaded);
  Write("bad");
  EXPECT_FALSE((*reloaded)->Refresh());
  Write("one");
  EXPECT_FALSE((*reloaded)->Refresh());
  EXPECT_TRUE(SaysSuccessful());
}

}  // namespace
}  // namespace fumehood::service
