#include "lib/api/output_encoding.h"

#include <gtest/gtest.h>

#include <string>

namespace fumehood::api {
namespace {

CommandResult Encode(const KeptOutput& kept) {
  CommandResult result;
  EncodeOutputs(kept, {}, result);
  return result;
}

CommandResult EncodeWhole(const std::string& output) { return Encode({output, "", output.size()}); }

TEST(OutputEncodingTest, TextStaysText) {
  const CommandResult result = EncodeWhole("grüße, 世界 🎉\n");
  EXPECT_EQ(result.output_encoding, OutputEncoding::kUtf8);
  EXPECT_EQ(result.stdout_text, "grüße, 世界 🎉\n");
  EXPECT_EQ(result.stdout_bytes, 21);
  EXPECT_FALSE(result.stdout_truncated);
}

TEST(OutputEncodingTest, MarkerStandsForWhatWasDropped) {
  const CommandResult result = Encode({"head", "tail", 1'000});
  EXPECT_EQ(result.stdout_text, "head\n[fumehood: 992 bytes omitted]\ntail");
  EXPECT_EQ(result.stdout_bytes, 1'000);
  EXPECT_TRUE(result.stdout_truncated);
}

TEST(OutputEncodingTest, CutsAreMovedToTheBordersOfCharacters) {
  const std::string character = "\xF0\x9F\x8E\x89";  // four bytes
  for (size_t kept = 1; kept < character.size(); ++kept) {
    const std::string head = "a" + character.substr(0, kept);
    const std::string tail = character.substr(kept) + "z";
    const CommandResult result = Encode({head, tail, 100});
    EXPECT_EQ(result.output_encoding, OutputEncoding::kUtf8) << kept;
    EXPECT_EQ(result.stdout_text, "a\n[fumehood: 98 bytes omitted]\nz") << kept;
  }
}

TEST(OutputEncodingTest, NothingIsTrimmedWhereNothingWasCut) {
  // A whole output that ends within a character is not text: all of its bytes matter.
  const CommandResult result = EncodeWhole("a\xF0\x9F");
  EXPECT_EQ(result.output_encoding, OutputEncoding::kBase64);
  EXPECT_EQ(result.stdout_text, "YfCf");
}

TEST(OutputEncodingTest, OneBinaryStreamMakesBothBase64) {
  CommandResult result;
  EncodeOutputs({"text", "", 4}, {"\xFF", "", 1}, result);
  EXPECT_EQ(result.output_encoding, OutputEncoding::kBase64);
  EXPECT_EQ(result.stdout_text, "dGV4dA==");
  EXPECT_EQ(result.stderr_text, "/w==");
}

struct FloodCase {
  const char* name;
  std::string output;
  OutputEncoding want;
};

TEST(OutputEncodingTest, BecomesBase64WhereEscapingWouldBlowItUp) {
  const std::string line(9, 'x');
  std::string mostly_text;
  for (int i = 0; i < 20'000; ++i) mostly_text += line + "\n";
  for (const FloodCase& row : {FloodCase{"ShortMarkup", "<html><body>&amp;</body></html>", OutputEncoding::kUtf8},
                               {"LongText", mostly_text, OutputEncoding::kUtf8},
                               {"MarkupFlood", std::string(16'384, '<'), OutputEncoding::kBase64},
                               {"NulFlood", std::string(16'384, '\0'), OutputEncoding::kBase64},
                               {"QuoteFlood", std::string(262'144, '"'), OutputEncoding::kBase64}}) {
    const CommandResult result = EncodeWhole(row.output);
    EXPECT_EQ(result.output_encoding, row.want) << row.name;
    // Whatever is chosen fits: two such streams stay far below etcd's 1.5 MiB.
    EXPECT_LE(EscapedSize(result.stdout_text), 350'000U) << row.name;
  }
}

TEST(OutputEncodingTest, EscapedSizeIsWhatGoWrites) {
  EXPECT_EQ(EscapedSize("abc"), 3U);
  EXPECT_EQ(EscapedSize("\"\\\n\r\t"), 10U);
  EXPECT_EQ(EscapedSize("<>&"), 18U);
  EXPECT_EQ(EscapedSize(std::string_view("\0\x1f", 2)), 12U);
  EXPECT_EQ(EscapedSize("\xE2\x80\xA8"), 6U);
  EXPECT_EQ(EscapedSize("é"), 2U);
}

}  // namespace
}  // namespace fumehood::api
