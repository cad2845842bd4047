#include "lib/base/json_fields.h"

#include <gtest/gtest.h>

namespace fumehood {
namespace {

const Json kObject = {{"text", "a"},
                      {"number", 7},
                      {"yes", true},
                      {"list", {"a", 1, "b"}},
                      {"map", {{"k", "v"}, {"n", 1}}},
                      {"time", "1970-01-01T00:00:01Z"}};

TEST(JsonFieldsTest, ReadsWhatIsThere) {
  EXPECT_EQ(StringAt(kObject, "text"), "a");
  EXPECT_EQ(IntegerAt(kObject, "number", 0), 7);
  EXPECT_TRUE(BooleanAt(kObject, "yes"));
  EXPECT_EQ(StringsAt(kObject, "list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(StringMapAt(kObject, "map"), (std::map<std::string, std::string>{{"k", "v"}}));
  EXPECT_EQ(TimeAt(kObject, "time"), WallTime(std::chrono::seconds(1)));
}

TEST(JsonFieldsTest, WhatIsMissingOrOfAnotherTypeIsAbsent) {
  for (const Json& object : {Json(), Json(7), Json::array(), Json::object(), Json{{"x", Json::array()}}}) {
    EXPECT_TRUE(FieldAt(FieldAt(object, "y"), "z").is_null());
    EXPECT_EQ(StringAt(object, "x", "otherwise"), "otherwise");
    EXPECT_EQ(OptionalIntegerAt(object, "x"), std::nullopt);
    EXPECT_FALSE(BooleanAt(object, "x"));
    EXPECT_TRUE(StringsAt(object, "x").empty());
    EXPECT_TRUE(StringMapAt(object, "x").empty());
    EXPECT_EQ(TimeAt(object, "x"), std::nullopt);
  }
}

}  // namespace
}  // namespace fumehood
