// A ledger on a disk that is full or broken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "executor/ledger.h"
#include "tests/executor/ledger_samples.h"

namespace fumehood::executor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LedgerOnAFailingDiskTest : public testing::Test {
 protected:
  LedgerOnAFailingDiskTest() {
    EXPECT_TRUE(ledger_->Start(Attempt("before")));
    EXPECT_TRUE(ledger_->Start(Attempt("running")));
  }

  void LosePowerAndRestart() {
    disk_.LosePower();
    ledger_.reset();
    ledger_ = OpenLedger(disk_);
  }

  FakeDisk disk_{1};
  std::unique_ptr<Ledger> ledger_ = OpenLedger(disk_);
};

TEST_F(LedgerOnAFailingDiskTest, SaysThatTheDiskIsFullAndAcceptsNothing) {
  disk_.FailWrites(ENOSPC);
  const Status start = ledger_->Start(Attempt("a"));
  ASSERT_EQ(CodeOf(start), ErrorCode::kUnavailable);
  EXPECT_THAT(start.error().message, HasSubstr("write \"/fake/ledger\": append: No space left on device"));
  ASSERT_EQ(CodeOf(ledger_->health()), ErrorCode::kUnavailable);
  EXPECT_EQ(ledger_->health().error().message, start.error().message);

  const uint64_t operations = disk_.operations();
  const Status end = ledger_->End(Attempt("running"), ResultOf(""));
  ASSERT_EQ(CodeOf(end), ErrorCode::kUnavailable);
  EXPECT_THAT(end.error().message, HasSubstr("No space left on device"));
  EXPECT_EQ(disk_.operations(), operations);
  EXPECT_THAT(Describe(*ledger_), ElementsAre("before/1", "running/1"));
}

TEST_F(LedgerOnAFailingDiskTest, CutsOffWhatItCouldWriteOfAFailedRecord) {
  const std::string before = disk_.files().at("ledger");
  disk_.FailAt(disk_.operations() + 1, ENOSPC);
  ASSERT_FALSE(ledger_->Start(Attempt("a")));
  EXPECT_EQ(disk_.files().at("ledger"), before);
}

TEST_F(LedgerOnAFailingDiskTest, StaysUnhealthyWhileTheDiskDoes) {
  disk_.FailWrites(ENOSPC);
  ASSERT_FALSE(ledger_->Start(Attempt("a")));
  ledger_->Maintain();
  EXPECT_EQ(CodeOf(ledger_->health()), ErrorCode::kUnavailable);
  EXPECT_THAT(disk_.files(), ElementsAre(testing::Key("ledger"))) << "nothing that takes space is left behind";
}

TEST_F(LedgerOnAFailingDiskTest, AcceptsAgainWhatItRefusedOnceTheDiskHasRoom) {
  disk_.FailWrites(ENOSPC);
  ASSERT_FALSE(ledger_->Start(Attempt("a")));
  disk_.FailWrites(std::nullopt);
  EXPECT_EQ(CodeOf(ledger_->Start(Attempt("a"))), ErrorCode::kUnavailable);
  ledger_->Maintain();
  EXPECT_TRUE(ledger_->health());
  EXPECT_TRUE(ledger_->Start(Attempt("a")));
  EXPECT_TRUE(ledger_->End(Attempt("running"), ResultOf("done")));
  LosePowerAndRestart();
  EXPECT_THAT(Describe(*ledger_), ElementsAre("a/1", "before/1", "running/1=done"));
}

TEST_F(LedgerOnAFailingDiskTest, AfterAFailedSyncEverythingIsWrittenAnewBeforeItCounts) {
  // What was appended before the failed sync reads well from the old file, and would be gone with the power.
  disk_.FailAt(disk_.operations() + 2, EIO);
  ASSERT_FALSE(ledger_->Start(Attempt("a")));
  const std::string old_file = disk_.files().at("ledger");
  ASSERT_FALSE(ledger_->Start(Attempt("b")));
  EXPECT_EQ(disk_.files().at("ledger"), old_file);
  ledger_->Maintain();
  ASSERT_TRUE(ledger_->Start(Attempt("b")));
  LosePowerAndRestart();
  EXPECT_THAT(Describe(*ledger_), ElementsAre("b/1", "before/1", "running/1"));
  EXPECT_THAT(ledger_->problems(), IsEmpty());
}

TEST_F(LedgerOnAFailingDiskTest, WhatTheNextExecutorReadsIsWrittenAnewBeforeItCounts) {
  // Neither the sync nor the cut works, and the executor dies: its successor reads what is in memory only.
  disk_.FailAt(disk_.operations() + 2, EIO);
  disk_.FailAt(disk_.operations() + 3, EIO);
  ASSERT_FALSE(ledger_->Start(Attempt("a")));
  ledger_.reset();
  ledger_ = OpenLedger(disk_);
  ASSERT_THAT(Describe(*ledger_), ElementsAre("a/1", "before/1", "running/1"));
  LosePowerAndRestart();
  EXPECT_THAT(Describe(*ledger_), ElementsAre("a/1", "before/1", "running/1"));
}

TEST_F(LedgerOnAFailingDiskTest, DropsAreTakenAllTheSame) {
  disk_.FailWrites(EIO);
  ASSERT_FALSE(ledger_->Start(Attempt("a")));
  ledger_->Drop(Attempt("before"));
  EXPECT_THAT(Describe(*ledger_), ElementsAre("running/1"));
  disk_.FailWrites(std::nullopt);
  ledger_->Maintain();
  LosePowerAndRestart();
  EXPECT_THAT(Describe(*ledger_), ElementsAre("running/1"));
  EXPECT_EQ(CodeOf(ledger_->Start(Attempt("before"))), ErrorCode::kAlreadyExists);
}

TEST_F(LedgerOnAFailingDiskTest, ADropDuringTheRewritingIsNotLostWithARecordThatIsRefused) {
  disk_.FailWrites(EIO);
  ASSERT_FALSE(ledger_->Start(Attempt("a")));
  disk_.FailWrites(std::nullopt);
  disk_.OnSync([this] {
    ledger_->Drop(Attempt("before"));
    EXPECT_EQ(CodeOf(ledger_->Start(Attempt("a"))), ErrorCode::kUnavailable);
    disk_.OnSync(nullptr);
  });
  ledger_->Maintain();
  LosePowerAndRestart();
  EXPECT_THAT(Describe(*ledger_), ElementsAre("running/1"));
}

TEST_F(LedgerOnAFailingDiskTest, OpensOnAFullDiskWithWhatItHolds) {
  ledger_.reset();
  disk_.FailWrites(ENOSPC);
  ledger_ = OpenLedger(disk_);
  EXPECT_THAT(Describe(*ledger_), ElementsAre("before/1", "running/1"));
  EXPECT_EQ(CodeOf(ledger_->health()), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(ledger_->Start(Attempt("a"))), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(ledger_->Start(Attempt("before"))), ErrorCode::kAlreadyExists);
  ledger_->Drop(Attempt("before"));
  disk_.FailWrites(std::nullopt);
  ledger_->Maintain();
  EXPECT_TRUE(ledger_->Start(Attempt("a")));
  LosePowerAndRestart();
  EXPECT_THAT(Describe(*ledger_), ElementsAre("a/1", "running/1"));
}

TEST_F(LedgerOnAFailingDiskTest, AMissingFileIsMadeWhenTheDiskAllows) {
  FakeDisk disk(1);
  disk.FailWrites(ENOSPC);
  auto ledger = OpenLedger(disk);
  EXPECT_EQ(CodeOf(ledger->Start(Attempt("a"))), ErrorCode::kUnavailable);
  disk.FailWrites(std::nullopt);
  ledger->Maintain();
  EXPECT_TRUE(ledger->Start(Attempt("a")));
}

}  // namespace
}  // namespace fumehood::executor
