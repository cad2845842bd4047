#include "executor/condition_message.h"

#include <gtest/gtest.h>

#include <string>

#include "lib/api/output_encoding.h"

namespace fumehood::executor {
namespace {

TEST(ConditionMessageTest, AnOrdinaryTextStaysAsItIs) {
  EXPECT_EQ(ConditionMessage("\"größer\": not found in the PATH"), "\"größer\": not found in the PATH");
  EXPECT_EQ(ConditionMessage(""), "");
}

TEST(ConditionMessageTest, BytesThatAreNotUtf8AreReplaced) {
  const std::string message = ConditionMessage("bin/\xff\xfe: no such file");
  EXPECT_TRUE(api::IsUtf8(message));
  EXPECT_TRUE(message.starts_with("bin/"));
  EXPECT_TRUE(message.ends_with(": no such file"));
}

TEST(ConditionMessageTest, OfALongTextBeginningAndEndAreKept) {
  const std::string message = ConditionMessage("\"/" + std::string(100'000, 'a') + "\": File name too long");
  EXPECT_LT(message.size(), 3'000u);
  EXPECT_TRUE(message.starts_with("\"/aaa"));
  EXPECT_TRUE(message.ends_with("aaa\": File name too long"));
}

TEST(ConditionMessageTest, ALongTextIsUtf8WhereverItIsCut) {
  std::string text;
  for (int i = 0; i < 2'000; ++i) text += "€";
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(api::IsUtf8(ConditionMessage(std::string(i, 'x') + text)));
}

TEST(ConditionMessageTest, EvenOnlyInvalidBytesStayShort) {
  const std::string message = ConditionMessage(std::string(100'000, '\xff'));
  EXPECT_TRUE(api::IsUtf8(message));
  EXPECT_LT(message.size(), 8'000u);
}

}  // namespace
}  // namespace fumehood::executor
