#include "lib/service/log.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "lib/base/time.h"

namespace fumehood::service {
namespace {

TEST(LogTest, DetailsFollowTheTextAsKeysAndValues) {
  EXPECT_EQ(FormatLogLine("command bound", {kv("command", "team-a/unit"), kv("attempt", 1)}),
            "command bound command=team-a/unit attempt=1");
}

TEST(LogTest, AValueCannotForgeALineOrAKey) {
  EXPECT_EQ(FormatLogLine("x", {kv("error", "a\nb c=d \"e\"\x1b[0m")}), "x error=\"a\\nb c=d \\\"e\\\"\\x1b[0m\"");
  EXPECT_EQ(FormatLogLine("x", {kv("empty", "")}), "x empty=\"\"");
}

TEST(LogTest, UnknownLevelSaysWhatIsAllowed) {
  EXPECT_TRUE(ParseLogLevel("debug"));
  const auto level = ParseLogLevel("loud");
  ASSERT_FALSE(level);
  EXPECT_NE(level.error().message.find("debug, info, warning or error"), std::string::npos);
}

struct JsonRow {
  std::string_view name;
  LogField field;
  std::string_view want;
};

class JsonMembersTest : public testing::TestWithParam<JsonRow> {};

TEST_P(JsonMembersTest, AreWrittenAs) {
  EXPECT_EQ(FormatJsonMembers("x", {GetParam().field}), R"("msg":"x",)" + std::string(GetParam().want));
}

INSTANTIATE_TEST_SUITE_P(
    Values, JsonMembersTest,
    testing::Values(JsonRow{"Text", kv("k", "two words"), R"("k":"two words")"},
                    JsonRow{"Quotes", kv("k", R"(a"b\c)"), R"("k":"a\"b\\c")"},
                    JsonRow{"ControlCharacters", kv("k", "a\n\x01\x1b"), R"("k":"a\n\u0001\u001b")"},
                    JsonRow{"Utf8", kv("k", "é"), R"("k":"é")"},
                    JsonRow{"BytesThatAreNoText", kv("k", "a\xff\xc3"), "\"k\":\"a\xef\xbf\xbd\xef\xbf\xbd\""},
                    JsonRow{"LargestInteger", kv("k", uint64_t{18'446'744'073'709'551'615U}),
                            R"("k":18446744073709551615)"},
                    JsonRow{"Negative", kv("k", -1), R"("k":-1)"}, JsonRow{"Fraction", kv("k", 0.5), R"("k":0.5)"},
                    JsonRow{"NotFinite", kv("k", std::numeric_limits<double>::infinity()), R"("k":"inf")"},
                    JsonRow{"Boolean", kv("k", true), R"("k":true)"}, JsonRow{"Character", kv("k", '7'), R"("k":"7")"},
                    JsonRow{"DigitsInText", kv("k", "7"), R"("k":"7")"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(LogTest, EachLineOfJsonIsOneObject) {
  testing::internal::CaptureStderr();
  const Log log(LogLevel::kInfo, LogFormat::kJson, "fumehood-test");
  log.Debug("not logged at this level");
  log.Warning("command bound", {kv("uid", "u\n{}%v"), kv("attempt", 2)});
  const std::string written = testing::internal::GetCapturedStderr();

  ASSERT_TRUE(written.ends_with("}\n")) << written;
  auto line = nlohmann::json::parse(written);
  EXPECT_TRUE(ParseTime(line["time"].get<std::string>())) << written;
  line.erase("time");
  EXPECT_EQ(line, nlohmann::json({{"level", "warning"},
                                  {"component", "fumehood-test"},
                                  {"msg", "command bound"},
                                  {"uid", "u\n{}%v"},
                                  {"attempt", 2}}));
}

TEST(LogTest, UnknownFormatSaysWhatIsAllowed) {
  EXPECT_EQ(ParseLogFormat("json").value(), LogFormat::kJson);
  EXPECT_EQ(ParseLogFormat("text").value(), LogFormat::kText);
  const auto format = ParseLogFormat("xml");
  ASSERT_FALSE(format);
  EXPECT_NE(format.error().message.find("text or json"), std::string::npos);
}

}  // namespace
}  // namespace fumehood::service
