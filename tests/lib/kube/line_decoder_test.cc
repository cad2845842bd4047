#include "lib/kube/line_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fumehood::kube {
namespace {

struct Decoded {
  std::vector<std::string> lines;
  StreamControl control = StreamControl::kContinue;
};

Decoded Decode(const std::vector<std::string_view>& chunks) {
  Decoded decoded;
  LineDecoder decoder(64);
  for (const std::string_view chunk : chunks) {
    const auto fed = decoder.Feed(chunk, [&](std::string_view line) {
      decoded.lines.emplace_back(line);
      return StreamControl::kContinue;
    });
    EXPECT_TRUE(fed) << fed.error().message;
  }
  return decoded;
}

const std::string kStream = "{\"a\":\"grüße 🎉\"}\n\r\n\n{\"b\":1}\r\n{\"cut";
const std::vector<std::string> kLines = {"{\"a\":\"grüße 🎉\"}", "{\"b\":1}"};

TEST(LineDecoderTest, LinesAreTheSameWhereverTheStreamIsSplit) {
  const std::string_view stream = kStream;
  for (size_t first = 0; first <= stream.size(); ++first) {
    for (size_t second = first; second <= stream.size(); ++second) {
      EXPECT_EQ(Decode({stream.substr(0, first), stream.substr(first, second - first), stream.substr(second)}).lines,
                kLines)
          << first << " " << second;
    }
  }
}

TEST(LineDecoderTest, LinesAreTheSameByteByByte) {
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < kStream.size(); ++i) bytes.push_back(std::string_view(kStream).substr(i, 1));
  EXPECT_EQ(Decode(bytes).lines, kLines);
}

TEST(LineDecoderTest, ALineMayHaveJustTheMaximum) {
  const std::string longest(64, 'x');
  EXPECT_EQ(Decode({longest, "\n"}).lines, std::vector<std::string>{longest});
}

TEST(LineDecoderTest, ALineThatIsTooLongIsAnErrorHoweverItComes) {
  const auto ignore = [](std::string_view) { return StreamControl::kContinue; };
  for (const size_t cut : {0, 10, 64, 65}) {
    LineDecoder decoder(64);
    const std::string line = std::string(65, 'x') + "\n";
    const auto first = decoder.Feed(std::string_view(line).substr(0, cut), ignore);
    const auto second = first ? decoder.Feed(std::string_view(line).substr(cut), ignore) : first;
    ASSERT_FALSE(second) << cut;
    EXPECT_EQ(second.error().code, ErrorCode::kInternal);
  }
}

TEST(LineDecoderTest, StopDropsTheRest) {
  LineDecoder decoder(64);
  std::vector<std::string> lines;
  const auto fed = decoder.Feed("one\ntwo\nthree\n", [&](std::string_view line) {
    lines.emplace_back(line);
    return line == "two" ? StreamControl::kStop : StreamControl::kContinue;
  });
  EXPECT_EQ(fed.value(), StreamControl::kStop);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
}

}  // namespace
}  // namespace fumehood::kube
