#include "lib/api/sandbox_executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace fumehood::api {
namespace {

std::string ImageNamesOf(std::vector<std::string> images) {
  SandboxExecutorStatus status;
  status.images = std::move(images);
  return ToJson(status)["imageNames"];
}

TEST(SandboxExecutorTest, NamesOfImagesAreInOneLine) {
  EXPECT_EQ(ImageNamesOf({}), "");
  EXPECT_EQ(ImageNamesOf({"debian"}), "debian");
  EXPECT_EQ(ImageNamesOf({"debian", "go", "node"}), "debian,go,node");
}

TEST(SandboxExecutorTest, NamesOfManyImagesAreTheFirstOnes) {
  const std::string names = ImageNamesOf(std::vector<std::string>(256, std::string(60, 'x')));
  EXPECT_LE(names.size(), 1024u);
  EXPECT_GT(names.size(), 900u);
  EXPECT_THAT(names, testing::EndsWith(std::string(60, 'x') + ",…"));
  EXPECT_EQ(ImageNamesOf(std::vector<std::string>(16, std::string(63, 'x'))).size(), 16u * 64 - 1) << "just fits";
}

}  // namespace
}  // namespace fumehood::api
