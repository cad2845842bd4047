// A ledger whose file is cut or changed, everywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "executor/ledger.h"
#include "tests/executor/ledger_samples.h"

namespace fumehood::executor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Kind = LedgerRecord::Kind;

// Records of every kind, one of them with bytes that have to be stuffed; and where in the file each ends.
class LedgerDamageTest : public testing::Test {
 protected:
  LedgerDamageTest() {
    Add({Kind::kStarted, Attempt("a"), nullptr});
    Add({Kind::kStarted, Attempt("b"), nullptr});
    Add({Kind::kEnded, Attempt("a"), ResultOf("result of a \xC1\xF5")});
    Add({Kind::kStarted, Attempt("c", 2), nullptr});
    Add({Kind::kDropped, Attempt("a"), nullptr});
    Add({Kind::kEnded, Attempt("c", 2), ResultOf("result of c")});
    Add({Kind::kStarted, Attempt("d"), nullptr});
  }

  void Add(const LedgerRecord& record) {
    const std::string encoded = EncodeRecord(record).value();
    records_.push_back(record);
    encoded_.push_back(encoded);
    file_ += encoded;
    ends_.push_back(file_.size());
  }

  static LedgerState StateOf(const std::vector<LedgerRecord>& records) {
    LedgerState state(100);
    for (const LedgerRecord& record : records) {
      state.Apply(record.kind, record.key, std::make_shared<const std::string>(EncodeRecord(record).value()));
    }
    return state;
  }

  static std::vector<LedgerRecord> EntriesOf(const LedgerState& state) {
    std::vector<LedgerRecord> entries;
    for (const EncodedRecord& encoded : state.live()) entries.push_back(DecodeRecord(*encoded).value());
    return entries;
  }

  // Opens `content`, and checks that exactly these records were read; returns what was said about it.
  std::vector<std::string> ExpectReads(FakeDisk& disk, const std::string& content,
                                       const std::vector<LedgerRecord>& records) {
    disk.Put("ledger", content);
    auto ledger = Ledger::Open(disk.Attach());
    if (!ledger) {
      ADD_FAILURE() << ledger.error().message;
      return {};
    }
    const std::vector<Ledger::Entry> entries = (*ledger)->entries();
    const std::vector<LedgerRecord> wanted = EntriesOf(StateOf(records));
    EXPECT_EQ(entries.size(), wanted.size());
    for (size_t i = 0; i < std::min(entries.size(), wanted.size()); ++i) {
      EXPECT_EQ(entries[i].key, wanted[i].key);
      EXPECT_EQ(entries[i].stage == Ledger::Stage::kEnded, wanted[i].kind == Kind::kEnded);
      EXPECT_EQ(entries[i].result, wanted[i].result);
    }
    EXPECT_TRUE((*ledger)->health());
    for (const LedgerRecord& record : records) {
      EXPECT_EQ(CodeOf((*ledger)->Start(record.key)), ErrorCode::kAlreadyExists) << record.key.uid;
    }
    return (*ledger)->problems();
  }

  std::vector<LedgerRecord> records_;
  std::vector<std::string> encoded_;
  std::string file_ = EncodeLedgerHeader();
  std::vector<size_t> ends_;
};

TEST_F(LedgerDamageTest, WhateverIsCutOffTheRecordsBeforeTheCutAreThere) {
  for (size_t cut = 0; cut <= file_.size(); ++cut) {
    SCOPED_TRACE(testing::Message() << "cut at " << cut);
    std::vector<LedgerRecord> whole;
    while (whole.size() < ends_.size() && ends_[whole.size()] <= cut) whole.push_back(records_[whole.size()]);
    FakeDisk disk(1);
    EXPECT_THAT(ExpectReads(disk, file_.substr(0, cut), whole), IsEmpty());
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(LedgerDamageTest, AWrongBitCostsOneRecordWhichIsKeptAside) {
  for (size_t bit = 0; bit < file_.size() * 8; ++bit) {
    SCOPED_TRACE(testing::Message() << "bit " << bit % 8 << " of byte " << bit / 8);
    std::string content = file_;
    content[bit / 8] = static_cast<char>(content[bit / 8] ^ 1 << bit % 8);
    std::vector<LedgerRecord> others;
    size_t from = 0;
    size_t to = kLedgerHeaderBytes;
    for (size_t i = 0; i < records_.size(); ++i) {
      const bool is_hit = bit / 8 >= ends_[i] - encoded_[i].size() && bit / 8 < ends_[i];
      if (is_hit) {
        from = ends_[i] - encoded_[i].size();
        to = ends_[i];
      } else {
        others.push_back(records_[i]);
      }
    }
    FakeDisk disk(1);
    EXPECT_THAT(ExpectReads(disk, content, others), ElementsAre(HasSubstr("can't be read")));
    EXPECT_EQ(disk.files()["ledger.damaged-1"], content.substr(from, to - from));
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(LedgerDamageTest, DamageIsReportedOnceAndSaysWhere) {
  FakeDisk disk(1);
  std::string content = file_;
  content.insert(ends_[2], "something else");
  EXPECT_THAT(ExpectReads(disk, content, records_),
              ElementsAre("\"/fake/ledger\": 14 bytes at offset " + std::to_string(ends_[2]) + " can't be read"));
  EXPECT_THAT(OpenLedger(disk)->problems(), IsEmpty());
}

TEST_F(LedgerDamageTest, AFileOfSomethingElseIsKeptAside) {
  FakeDisk disk(1);
  EXPECT_THAT(ExpectReads(disk, "apiVersion: v1\n", {}), SizeIs(1));
  EXPECT_EQ(disk.files()["ledger.damaged-1"], "apiVersion: v1\n");
}

TEST_F(LedgerDamageTest, ALedgerOfWhichNothingCanBeReadIsNotNew) {
  for (const char* content : {"", "FHLED", "damage"}) {
    FakeDisk disk(1);
    disk.Put("ledger", content);
    EXPECT_FALSE(OpenLedger(disk)->is_new()) << content;
  }
}

TEST_F(LedgerDamageTest, EachDamageHasAFileOfItsOwnUntilThereAreMany) {
  FakeDisk disk(1);
  for (int times = 0; times < 20; ++times) ExpectReads(disk, "damage " + std::to_string(times), {});
  const auto files = disk.files();
  EXPECT_EQ(files.at("ledger.damaged-1"), "damage 0");
  EXPECT_EQ(files.at("ledger.damaged-16"), "damage 15");
  EXPECT_FALSE(files.contains("ledger.damaged-17"));
}

TEST_F(LedgerDamageTest, OnAFullDiskTheDamagedFileStaysUntilItsBytesAreCopied) {
  FakeDisk disk(1);
  disk.Put("ledger", "damage");
  disk.FailWrites(ENOSPC);
  auto ledger = OpenLedger(disk);
  ledger->Maintain();
  EXPECT_FALSE(ledger->health());
  EXPECT_EQ(disk.files(), (std::map<std::string, std::string>{{"ledger", "damage"}}));
  disk.FailWrites(std::nullopt);
  ledger->Maintain();
  EXPECT_TRUE(ledger->health());
  EXPECT_EQ(disk.files()["ledger.damaged-1"], "damage");
}

}  // namespace
}  // namespace fumehood::executor
