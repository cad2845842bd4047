#include "lib/base/base64.h"

#include <gtest/gtest.h>

#include <string>

namespace fumehood {
namespace {

TEST(Base64Test, WritesAsRfc4648Says) {
  EXPECT_EQ(EncodeBase64(""), "");
  EXPECT_EQ(EncodeBase64("f"), "Zg==");
  EXPECT_EQ(EncodeBase64("fo"), "Zm8=");
  EXPECT_EQ(EncodeBase64("foobar"), "Zm9vYmFy");
}

TEST(Base64Test, ReadsWhatIsWellFormed) {
  EXPECT_EQ(*DecodeBase64(""), "");
  EXPECT_EQ(*DecodeBase64("YQ=="), "a");
  EXPECT_EQ(*DecodeBase64("YWI="), "ab");
  EXPECT_EQ(*DecodeBase64("YWJj\nZA==\n"), "abcd");
  EXPECT_EQ(*DecodeBase64("//79"), "\xff\xfe\xfd");
  for (const std::string text : {"Y", "YQ", "YQ=", "YQ===", "Y===", "YQ==YQ==", "-_79", "a b!"}) {
    EXPECT_FALSE(DecodeBase64(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace fumehood
