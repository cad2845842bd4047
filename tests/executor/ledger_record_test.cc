#include "executor/ledger_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/executor/ledger_samples.h"

namespace fumehood::executor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Kind = LedgerRecord::Kind;

struct Reading {
  std::vector<std::string> uids;
  std::vector<std::string> damaged;
};

Reading Read(std::string_view file) {
  Reading reading;
  const auto damage =
      ReadLedger(file, [&](const LedgerRecord& record, std::string_view) { reading.uids.push_back(record.key.uid); });
  for (const LedgerDamage& stretch : damage.value()) {
    EXPECT_EQ(file.substr(stretch.offset, stretch.bytes.size()), stretch.bytes);
    reading.damaged.emplace_back(stretch.bytes);
  }
  return reading;
}

std::string Encoded(const std::string& uid, Kind kind = Kind::kStarted, const Json& result = nullptr) {
  return EncodeRecord({kind, Attempt(uid), result}).value();
}

TEST(LedgerRecordTest, ReadsWhatItWrites) {
  for (const Kind kind : {Kind::kStarted, Kind::kEnded, Kind::kDropped}) {
    const LedgerRecord record{kind, Attempt("a", 7), {{"stdout", "\xC1\xF5"}}};
    const auto read = DecodeRecord(EncodeRecord(record).value());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->kind, record.kind);
    EXPECT_EQ(read->key, record.key);
    EXPECT_EQ(read->result, record.result);
  }
}

TEST(LedgerRecordTest, AFileOfANewerVersionIsRefusedAndLeftAlone) {
  // Version 2, with the checksum that belongs to it.
  const std::string file("FHLEDGER\x02\x00\x00\x00\xAC\xC5\xB7\x43", kLedgerHeaderBytes);
  const auto read = ReadLedger(file, [](const LedgerRecord&, std::string_view) {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(read.error().message, HasSubstr("it has format 2, and this executor knows formats up to 1: run "));
}

TEST(LedgerRecordTest, WhatACommandPrintedIsNotTakenForARecord) {
  const std::string forged = Encoded("forged");
  const std::string before = Encoded("before");
  const std::string after = Encoded("after");
  std::string carrier = Encoded("carrier", Kind::kEnded, ResultOf(forged + forged));
  EXPECT_THAT(Read(EncodeLedgerHeader() + before + carrier + after).uids, ElementsAre("before", "carrier", "after"));
  // Also where nothing tells any more where the record that carries it ends: not when its head is damaged, …
  carrier[3] = static_cast<char>(carrier[3] ^ 1);
  const Reading damaged = Read(EncodeLedgerHeader() + before + carrier + after);
  EXPECT_THAT(damaged.uids, ElementsAre("before", "after"));
  EXPECT_THAT(damaged.damaged, ElementsAre(carrier));
  // … and not when its beginning is missing.
  EXPECT_THAT(Read(carrier.substr(kRecordHeadBytes) + after).uids, ElementsAre("after"));
}

TEST(LedgerRecordTest, ALengthIsNotBelieved) {
  // An intact head that announces 4 GiB, with the checksum that belongs to it.
  const std::string head("\xC1\xF5\xFF\xFF\xFF\xFF\x00\x00\x00\x00\xFF\xFF\xFF\xFF", kRecordHeadBytes);
  const Reading reading = Read(EncodeLedgerHeader() + head + Encoded("after"));
  EXPECT_THAT(reading.uids, ElementsAre("after"));
  EXPECT_THAT(reading.damaged, ElementsAre(head));
}

TEST(LedgerRecordTest, ARecordThatMakesNoSenseIsDamage) {
  const std::string other = EncodeRecord({static_cast<Kind>(9), Attempt("unknown kind"), nullptr}).value();
  const Reading reading = Read(EncodeLedgerHeader() + other + Encoded("after"));
  EXPECT_THAT(reading.uids, ElementsAre("after"));
  EXPECT_THAT(reading.damaged, ElementsAre(other));
}

struct EndCase {
  std::string name;
  std::string rest;
  bool is_torn = true;
};

class LedgerEndTest : public testing::TestWithParam<EndCase> {};

TEST_P(LedgerEndTest, TellsAnInterruptedWriteFromDamage) {
  const Reading reading = Read(EncodeLedgerHeader() + Encoded("a") + GetParam().rest);
  EXPECT_THAT(reading.uids, ElementsAre("a"));
  if (GetParam().is_torn) {
    EXPECT_THAT(reading.damaged, IsEmpty());
  } else {
    EXPECT_THAT(reading.damaged, ElementsAre(GetParam().rest));
  }
}

std::string WithFlippedLastBit(std::string bytes) {
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  return bytes;
}

INSTANTIATE_TEST_SUITE_P(
    Ends, LedgerEndTest,
    testing::Values(EndCase{.name = "PartOfAHead", .rest = Encoded("b").substr(0, 5)},
                    EndCase{.name = "HeadAlone", .rest = Encoded("b").substr(0, kRecordHeadBytes)},
                    EndCase{.name = "PartOfABody", .rest = Encoded("b").substr(0, kRecordHeadBytes + 3)},
                    EndCase{.name = "SpaceThatWasNotFilled", .rest = std::string(100, '\0')},
                    EndCase{
                        .name = "WholeRecordWithAWrongBit", .rest = WithFlippedLastBit(Encoded("b")), .is_torn = false},
                    EndCase{.name = "SomethingElse", .rest = std::string(100, 'x'), .is_torn = false}),
    [](const testing::TestParamInfo<EndCase>& row) { return row.param.name; });

}  // namespace
}  // namespace fumehood::executor
