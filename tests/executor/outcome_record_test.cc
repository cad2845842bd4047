#include "executor/outcome_record.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "executor/finished_status.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::executor {
namespace {

using nlohmann::json;

constexpr WallTime kEnd{std::chrono::days(20'000) + std::chrono::microseconds(7)};

Outcome SampleOutcome() {
  sandbox::RunResult result;
  result.ending = sandbox::Exited{3};
  result.isolation = {"runsc", "release-20260901.0", "systrap", "none", "ReadOnly"};
  result.stdout_output = {std::string("\xff\0 not text", 11), "tail", 1'000};
  result.stderr_output = {"oops\n", "", 5};
  result.duration = std::chrono::milliseconds(42);
  return MakeOutcome(api::Read(api::AsBound(api::SampleCommand())), result,
                     {"runsc", kEnd - std::chrono::milliseconds(42), kEnd});
}

TEST(OutcomeRecordTest, WhatIsReadSaysExactlyWhatWasWritten) {
  const Outcome outcome = SampleOutcome();
  const auto read = ReadOutcome(json::from_cbor(json::to_cbor(ToRecord(outcome))));
  ASSERT_TRUE(read) << read.error().message;
  for (const uint64_t max_output_bytes : {16'384, 8}) {
    EXPECT_EQ(ToJson(FinishedStatus(*read, max_output_bytes)), ToJson(FinishedStatus(outcome, max_output_bytes)));
  }
  EXPECT_EQ(read->max_output_bytes, outcome.max_output_bytes);
}

TEST(OutcomeRecordTest, RecordsThatAreNoOutcomeAreRefused) {
  json unfinished = ToRecord(SampleOutcome());
  unfinished["status"].erase("completionTime");
  json impossible = ToRecord(SampleOutcome());
  impossible["stdout"]["totalBytes"] = 1;
  for (const json& record : {json(), json::object(), json("text"), unfinished, impossible}) {
    const auto read = ReadOutcome(record);
    ASSERT_FALSE(read) << record;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalid);
  }
}

}  // namespace
}  // namespace fumehood::executor
