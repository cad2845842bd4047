#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>

#include "executor/ledger.h"
#include "tests/executor/ledger_samples.h"

namespace fumehood::executor {
namespace {

using testing::ElementsAre;

constexpr LedgerOptions kSmall{.compact_above = 10'000};

class LedgerCompactionTest : public testing::Test {
 protected:
  void RunToTheEnd(const std::string& uid, size_t output_bytes) {
    ASSERT_TRUE(ledger_->Start(Attempt(uid)));
    ASSERT_TRUE(ledger_->End(Attempt(uid), ResultOf(std::string(output_bytes, 'x'))));
    ledger_->Drop(Attempt(uid));
  }
  size_t FileSize() const { return disk_.files().at("ledger").size(); }

  FakeDisk disk_{1};
  std::unique_ptr<Ledger> ledger_ = OpenLedger(disk_, kSmall);
};

TEST_F(LedgerCompactionTest, AFileThatIsMostlyDeadBecomesSmall) {
  RunToTheEnd("dead", 11'000);
  ASSERT_TRUE(ledger_->Start(Attempt("live")));
  ledger_->Maintain();
  EXPECT_LT(FileSize(), 500U);
  EXPECT_THAT(Describe(*ledger_), ElementsAre("live/1"));
  ASSERT_TRUE(ledger_->End(Attempt("live"), ResultOf("done")));
  disk_.LosePower();
  ledger_.reset();
  ledger_ = OpenLedger(disk_, kSmall);
  EXPECT_THAT(Describe(*ledger_), ElementsAre("live/1=done"));
  EXPECT_EQ(CodeOf(ledger_->Start(Attempt("dead"))), ErrorCode::kAlreadyExists);
}

TEST_F(LedgerCompactionTest, ASmallFileIsLeftAlone) {
  RunToTheEnd("dead", 5'000);
  ledger_->Maintain();
  EXPECT_GT(FileSize(), 5'000U);
}

TEST_F(LedgerCompactionTest, AFileThatIsMostlyNeededIsLeftAlone) {
  ASSERT_TRUE(ledger_->Start(Attempt("live")));
  ASSERT_TRUE(ledger_->End(Attempt("live"), ResultOf(std::string(9'000, 'x'))));
  RunToTheEnd("dead", 5'000);
  ledger_->Maintain();
  EXPECT_GT(FileSize(), 14'000U);
}

TEST_F(LedgerCompactionTest, WhatIsWrittenMeanwhileIsNotHeldUpAndNotLost) {
  ASSERT_TRUE(ledger_->Start(Attempt("ends meanwhile")));
  ASSERT_TRUE(ledger_->Start(Attempt("dropped meanwhile")));
  RunToTheEnd("dead", 11'000);
  std::atomic<bool> once = false;
  disk_.OnSync([&] {
    ledger_->Maintain();  // one at a time
    if (once.exchange(true)) return;
    EXPECT_TRUE(disk_.files().contains("ledger.new"));
    EXPECT_TRUE(ledger_->Start(Attempt("started meanwhile")));
    EXPECT_TRUE(ledger_->End(Attempt("ends meanwhile"), ResultOf("done")));
    ledger_->Drop(Attempt("dropped meanwhile"));
  });
  ledger_->Maintain();
  disk_.OnSync(nullptr);
  EXPECT_TRUE(once);
  EXPECT_LT(FileSize(), 1'000U);
  ASSERT_TRUE(ledger_->Start(Attempt("later")));
  disk_.LosePower();
  ledger_.reset();
  ledger_ = OpenLedger(disk_, kSmall);
  EXPECT_THAT(Describe(*ledger_), ElementsAre("ends meanwhile/1=done", "later/1", "started meanwhile/1"));
}

TEST_F(LedgerCompactionTest, ReplacesAFileThatBreaksMeanwhile) {
  ASSERT_TRUE(ledger_->Start(Attempt("live")));
  RunToTheEnd("dead", 11'000);
  std::atomic<bool> once = false;
  disk_.OnSync([&] {
    if (once.exchange(true)) return;
    disk_.FailAt(disk_.operations() + 1, EIO);
    EXPECT_EQ(CodeOf(ledger_->Start(Attempt("refused"))), ErrorCode::kUnavailable);
  });
  ledger_->Maintain();
  EXPECT_TRUE(ledger_->health());
  ASSERT_TRUE(ledger_->Start(Attempt("refused")));
  disk_.LosePower();
  ledger_.reset();
  EXPECT_THAT(Describe(*OpenLedger(disk_)), ElementsAre("live/1", "refused/1"));
}

}  // namespace
}  // namespace fumehood::executor
