#include "lib/sandbox/init_protocol.h"

#include <gtest/gtest.h>

#include <string>

namespace fumehood::sandbox::init {
namespace {

HandOver Example() {
  return {.argv = {"sh", "-c", "", "echo \xff"},
          .env = {"A=1", "B="},
          .working_dir = "/workspace/a",
          .stdin_data = std::string("one\0two", 7),
          .uid = 1000,
          .gid = 1001,
          .workspace = Workspace::kEphemeral,
          .scratch_bytes = 0x123456789abcULL,
          .max_processes = 0x12345678,
          .others = {"/repos/shop", "/a b"}};
}

Frame OnlyFrame(const std::string& bytes, size_t max_body = kMaxHandOverBody) {
  FrameBuffer frames(max_body);
  frames.Append(bytes);
  return frames.Next().value().value();
}

TEST(InitProtocolTest, HandOverSurvivesTheWayAtEverySplit) {
  const std::string bytes = Encode(Example());
  for (size_t split = 0; split <= bytes.size(); ++split) {
    FrameBuffer frames(kMaxHandOverBody);
    frames.Append(bytes.substr(0, split));
    auto frame = frames.Next();
    ASSERT_TRUE(frame.has_value());
    if (split < bytes.size()) {
      ASSERT_FALSE(frame->has_value()) << split;
      frames.Append(bytes.substr(split));
      frame = frames.Next();
    }
    ASSERT_TRUE(frame.has_value() && frame->has_value()) << split;
    EXPECT_EQ(DecodeHandOver(**frame).value(), Example());
    EXPECT_FALSE(frames.Next()->has_value());
  }
}

TEST(InitProtocolTest, ReportsSurviveTheWayInARow) {
  const Report reports[] = {Started{}, Ended{0x700}, Ended{-1}, NotStarted{Stage::kExec, 2, "/bin/x"}};
  FrameBuffer frames(kMaxReportBody);
  for (const Report& report : reports) frames.Append(Encode(report));
  for (const Report& report : reports) EXPECT_EQ(DecodeReport(frames.Next().value().value()).value(), report);
}

TEST(InitProtocolTest, EveryTruncatedBodyIsRefused) {
  const Frame whole = OnlyFrame(Encode(Example()));
  for (size_t size = 0; size < whole.body.size(); ++size) {
    EXPECT_FALSE(DecodeHandOver({whole.type, whole.body.substr(0, size)}).has_value()) << size;
  }
  const Frame report = OnlyFrame(Encode(Report(NotStarted{Stage::kExec, 2, "/bin/x"})));
  for (size_t size = 0; size < report.body.size(); ++size) {
    EXPECT_FALSE(DecodeReport({report.type, report.body.substr(0, size)}).has_value()) << size;
  }
}

TEST(InitProtocolTest, BytesLeftOverAreRefused) {
  for (const std::string& bytes : {Encode(Report(Started{})), Encode(Report(Ended{0}))}) {
    Frame frame = OnlyFrame(bytes);
    frame.body.push_back('x');
    EXPECT_FALSE(DecodeReport(frame).has_value());
  }
}

TEST(InitProtocolTest, NulBytesInTextsAreRefused) {
  for (std::string HandOver::* text : {&HandOver::working_dir}) {
    HandOver hand_over = Example();
    (hand_over.*text).push_back('\0');
    EXPECT_FALSE(DecodeHandOver(OnlyFrame(Encode(hand_over))).has_value());
  }
  for (std::vector<std::string> HandOver::* list : {&HandOver::argv, &HandOver::env}) {
    HandOver hand_over = Example();
    (hand_over.*list).front().push_back('\0');
    EXPECT_FALSE(DecodeHandOver(OnlyFrame(Encode(hand_over))).has_value());
  }
}

TEST(InitProtocolTest, HandOverWithoutProgramIsRefused) {
  HandOver hand_over = Example();
  hand_over.argv.clear();
  EXPECT_FALSE(DecodeHandOver(OnlyFrame(Encode(hand_over))).has_value());
}

TEST(InitProtocolTest, UnknownStageIsRefused) {
  Frame frame = OnlyFrame(Encode(Report(NotStarted{Stage::kExec, 2, ""})));
  frame.body[0] = static_cast<char>(static_cast<int>(Stage::kExec) + 1);
  EXPECT_FALSE(DecodeReport(frame).has_value());
}

TEST(InitProtocolTest, MessagesOfTheOtherDirectionAreRefused) {
  EXPECT_FALSE(DecodeReport(OnlyFrame(Encode(Example()))).has_value());
  EXPECT_FALSE(DecodeHandOver(OnlyFrame(Encode(Report(Started{})))).has_value());
}

TEST(InitProtocolTest, TooLargeAMessageIsRefusedByItsHeader) {
  const std::string bytes = Encode(Example());
  FrameBuffer frames(8);
  frames.Append(bytes.substr(0, 12));
  EXPECT_FALSE(frames.Next().has_value());
}

TEST(InitProtocolTest, EachChangedByteOfMagicAndVersionIsRefused) {
  for (size_t at = 0; at < 6; ++at) {
    std::string bytes = Encode(Report(Started{}));
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    FrameBuffer frames(kMaxReportBody);
    frames.Append(bytes);
    EXPECT_FALSE(frames.Next().has_value()) << at;
  }
}

}  // namespace
}  // namespace fumehood::sandbox::init
