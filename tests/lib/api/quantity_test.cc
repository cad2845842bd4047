#include "lib/api/quantity.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace fumehood::api {
namespace {

struct GoodQuantity {
  const char* text;
  int64_t want;        // in whole units
  int64_t want_milli;  // in thousandths
};

// The numbers are what Kubernetes' own reader makes of the text: Value() and MilliValue() of its resource.Quantity.
TEST(QuantityTest, ReadsWhatKubernetesReads) {
  for (const GoodQuantity& row : {GoodQuantity{"0", 0, 0},
                                  {"1", 1, 1'000},
                                  {"+1", 1, 1'000},
                                  {"007", 7, 7'000},
                                  {"-1", -1, -1'000},
                                  {"0.5", 1, 500},
                                  {".5", 1, 500},
                                  {"5.", 5, 5'000},
                                  {"1.5", 2, 1'500},
                                  {"-1.5", -2, -1'500},
                                  {"500m", 1, 500},
                                  {"1500m", 2, 1'500},
                                  {"1u", 1, 1},
                                  {"1n", 1, 1},
                                  {"1000001n", 1, 2},
                                  {"0n", 0, 0},
                                  {"2k", 2'000, 2'000'000},
                                  {"2M", 2'000'000, 2'000'000'000},
                                  {"2G", 2'000'000'000, 2'000'000'000'000},
                                  {"2T", 2'000'000'000'000, 2'000'000'000'000'000},
                                  {"2P", 2'000'000'000'000'000, 2'000'000'000'000'000'000},
                                  {"1Ki", 1'024, 1'024'000},
                                  {"1Mi", 1'048'576, 1'048'576'000},
                                  {"1.5Gi", 1'610'612'736, 1'610'612'736'000},
                                  {"0.1Ki", 103, 102'400},
                                  {"1Ti", 1'099'511'627'776, 1'099'511'627'776'000},
                                  {"1e3", 1'000, 1'000'000},
                                  {"1E3", 1'000, 1'000'000},
                                  {"1e+3", 1'000, 1'000'000},
                                  {"5e-1", 1, 500},
                                  {"1.5e1", 15, 15'000},
                                  {"1e-100", 1, 1},
                                  {"100000000000000000000e-20", 1, 1'000},
                                  {"1.00000000000000000000000000000", 1, 1'000}}) {
    EXPECT_EQ(ParseQuantity(row.text).value_or(-99), row.want) << row.text;
    EXPECT_EQ(ParseMilliQuantity(row.text).value_or(-99), row.want_milli) << row.text;
  }
}

TEST(QuantityTest, ReadsUpToTheLargestNumber) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(ParseQuantity(std::to_string(kMax)), kMax);
  EXPECT_EQ(ParseQuantity("1E"), 1'000'000'000'000'000'000);
  EXPECT_EQ(ParseQuantity("7Ei"), int64_t{7} << 60);
  for (const char* text : {"9223372036854775808", "8Ei", "10E", "1e19", "1e999999", "9999999999999999999Ei"}) {
    const auto number = ParseQuantity(text);
    ASSERT_FALSE(number) << text;
    EXPECT_EQ(number.error().code, ErrorCode::kInvalid);
    EXPECT_NE(number.error().message.find(text), std::string::npos) << number.error().message;
  }
}

TEST(QuantityTest, RefusesWhatIsNone) {
  for (const char* text :
       {"",      " ",     "1 ",    " 1",   "1 Mi", "Mi",  "m",   ".",   "+",  "-",
        "--1",   "1.2.3", "1,5",   "0x10", "1mi",  "1MB", "1K",  "1ki", "1i", "1e",
        "1e1.5", "1e++1", "1e+-1", "1Mi1", "1m5",  "NaN", "inf", "1_0", "１", "12345678901234567890"}) {
    const auto number = ParseQuantity(text);
    ASSERT_FALSE(number) << text;
    EXPECT_EQ(number.error().code, ErrorCode::kInvalid);
    EXPECT_NE(number.error().message.find('"' + std::string(text) + '"'), std::string::npos) << number.error().message;
  }
}

TEST(QuantityTest, IsWrittenInTheShortestForm) {
  EXPECT_EQ(FormatMilliQuantity(1'500), "1500m");
  EXPECT_EQ(FormatMilliQuantity(2'000), "2");
  EXPECT_EQ(FormatByteQuantity(0), "0");
  EXPECT_EQ(FormatByteQuantity(1'000), "1000");
  EXPECT_EQ(FormatByteQuantity(int64_t{512} << 20), "512Mi");
  EXPECT_EQ(FormatByteQuantity((int64_t{1} << 30) + 1'024), "1048577Ki");
  EXPECT_EQ(FormatByteQuantity(int64_t{3} << 40), "3Ti");
}

TEST(QuantityTest, WhatIsWrittenReadsTheSame) {
  for (const int64_t number : {int64_t{0}, int64_t{1}, int64_t{999}, int64_t{1'024}, int64_t{1'000'000},
                               int64_t{7} << 60, std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(ParseQuantity(FormatByteQuantity(number)), number);
    EXPECT_EQ(ParseMilliQuantity(FormatMilliQuantity(number)), number);
  }
}

}  // namespace
}  // namespace fumehood::api
