#include "lib/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace fumehood {
namespace {

using namespace std::string_view_literals;

struct Utf8Case {
  const char* name;
  std::string_view bytes;
  bool want;
};

TEST(Utf8Test, IsCheckedStrictly) {
  for (const Utf8Case& row : {Utf8Case{"Empty", ""sv, true},
                              {"Nul", "\0"sv, true},
                              {"TwoBytes", "\xC3\xA9"sv, true},
                              {"LastOfThree", "\xEF\xBF\xBF"sv, true},
                              {"LastOfAll", "\xF4\x8F\xBF\xBF"sv, true},
                              {"LoneContinuation", "\x80"sv, false},
                              {"OverlongSlash", "\xC0\xAF"sv, false},
                              {"OverlongThree", "\xE0\x80\xAF"sv, false},
                              {"OverlongFour", "\xF0\x80\x80\xAF"sv, false},
                              {"Surrogate", "\xED\xA0\x80"sv, false},
                              {"AboveUnicode", "\xF4\x90\x80\x80"sv, false},
                              {"CutOff", "\xE2\x82"sv, false},
                              {"InvalidLead", "\xFF"sv, false}}) {
    EXPECT_EQ(IsUtf8(row.bytes), row.want) << row.name;
  }
}

TEST(Utf8Test, CutCharactersAreTrimmedAndWholeOnesKept) {
  const std::string character = "\xF0\x9F\x8E\x89";  // four bytes
  EXPECT_EQ(TrimCutEnd("a" + character), "a" + character);
  EXPECT_EQ(TrimCutBegin(character + "z"), character + "z");
  for (size_t kept = 1; kept < character.size(); ++kept) {
    const std::string begin = "a" + character.substr(0, kept);
    const std::string end = character.substr(kept) + "z";
    EXPECT_EQ(TrimCutEnd(begin), "a") << kept;
    EXPECT_EQ(TrimCutBegin(end), "z") << kept;
  }
}

TEST(Utf8Test, StorableTextIsBoundedAndAlwaysUtf8) {
  EXPECT_EQ(ToStorableText("grüße", 100), "grüße");
  EXPECT_EQ(ToStorableText("aé", 2), "a");
  EXPECT_EQ(ToStorableText("runsc: \xFF\xFE!", 100), "runsc: ?\?!");
  EXPECT_TRUE(IsUtf8(ToStorableText("\xE2\x82 and \xC3", 100)));
}

}  // namespace
}  // namespace fumehood
