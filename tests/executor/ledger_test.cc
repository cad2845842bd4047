#include "executor/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "tests/executor/ledger_samples.h"

namespace fumehood::executor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LedgerTest : public testing::Test {
 protected:
  // The executor ends in good order, and the next one opens what it left.
  void Restart(const LedgerOptions& options = {}) {
    ledger_.reset();
    ledger_ = OpenLedger(disk_, options);
  }

  FakeDisk disk_{1};
  std::unique_ptr<Ledger> ledger_ = OpenLedger(disk_);
};

TEST_F(LedgerTest, IsEmptyAndHealthyAtFirst) {
  EXPECT_THAT(ledger_->entries(), IsEmpty());
  EXPECT_THAT(ledger_->problems(), IsEmpty());
  EXPECT_TRUE(ledger_->health());
}

TEST_F(LedgerTest, IsNewOnlyForTheFirstExecutor) {
  EXPECT_TRUE(ledger_->is_new());
  Restart();
  EXPECT_FALSE(ledger_->is_new()) << "also where nothing was started";
}

TEST_F(LedgerTest, IsNewWhereTheDirectoryWasLost) {
  ASSERT_TRUE(ledger_->Start(Attempt("a")));
  FakeDisk replacement(1);
  EXPECT_TRUE(OpenLedger(replacement)->is_new());
}

TEST_F(LedgerTest, TheNextExecutorFindsWhatWasStartedAndWhatHasEnded) {
  ASSERT_TRUE(ledger_->Start(Attempt("a", 2)));
  ASSERT_TRUE(ledger_->Start(Attempt("b")));
  ASSERT_TRUE(ledger_->End(Attempt("b"), ResultOf("done")));
  EXPECT_THAT(Describe(*ledger_), ElementsAre("a/2", "b/1=done"));
  Restart();
  EXPECT_THAT(Describe(*ledger_), ElementsAre("a/2", "b/1=done"));
  EXPECT_EQ(ledger_->entries()[0].key, Attempt("a", 2));
  EXPECT_EQ(ledger_->entries()[1].result, ResultOf("done"));
  EXPECT_THAT(ledger_->problems(), IsEmpty());
}

TEST_F(LedgerTest, AResultMayHaveBytesThatAreNotText) {
  const std::string not_text("\xFF\xC1\xF5\xC1\x00 \x80\xC1", 8);
  const Json result = {
      {"text", not_text},
      {"binary", Json::binary({0xC1, 0xF5, 0x00, 0xFF})},
      {"tagged", Json::binary({0xC1}, 300)},
      {"numbers", {-1, 1.5, UINT64_MAX, INT64_MIN}},
      {"others", {nullptr, true, Json::object()}},
  };
  ASSERT_TRUE(ledger_->Start(Attempt("a")));
  ASSERT_TRUE(ledger_->End(Attempt("a"), result));
  Restart();
  ASSERT_EQ(ledger_->entries().size(), 1U);
  EXPECT_EQ(ledger_->entries()[0].result, result);
}

TEST_F(LedgerTest, AnAttemptIsStartedOnce) {
  ASSERT_TRUE(ledger_->Start(Attempt("a", 2)));
  EXPECT_EQ(CodeOf(ledger_->Start(Attempt("a", 2))), ErrorCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(ledger_->Start(Attempt("a", 1))), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(ledger_->Start(Attempt("a", 3)));
}

TEST_F(LedgerTest, AnAttemptThatAnEarlierExecutorStartedIsNotStartedAgain) {
  ASSERT_TRUE(ledger_->Start(Attempt("running", 2)));
  ASSERT_TRUE(ledger_->Start(Attempt("dropped", 2)));
  ledger_->Drop(Attempt("dropped", 2));
  for (int restarts = 0; restarts < 3; ++restarts) {
    Restart();
    for (const char* uid : {"running", "dropped"}) {
      EXPECT_EQ(CodeOf(ledger_->Start(Attempt(uid, 2))), ErrorCode::kAlreadyExists) << uid;
      EXPECT_EQ(CodeOf(ledger_->Start(Attempt(uid, 1))), ErrorCode::kAlreadyExists) << uid;
    }
  }
  EXPECT_TRUE(ledger_->Start(Attempt("running", 3)));
  EXPECT_TRUE(ledger_->Start(Attempt("dropped", 3)));
}

TEST_F(LedgerTest, ALowerAttemptStillEndsAfterAHigherOneWasDropped) {
  ASSERT_TRUE(ledger_->Start(Attempt("a", 1)));
  ASSERT_TRUE(ledger_->Start(Attempt("a", 2)));
  ledger_->Drop(Attempt("a", 2));
  Restart();
  EXPECT_THAT(Describe(*ledger_), ElementsAre("a/1"));
  ASSERT_TRUE(ledger_->End(Attempt("a", 1), ResultOf("late")));
  Restart();
  EXPECT_THAT(Describe(*ledger_), ElementsAre("a/1=late"));
  EXPECT_EQ(CodeOf(ledger_->Start(Attempt("a", 2))), ErrorCode::kAlreadyExists);
}

TEST_F(LedgerTest, OfDroppedAttemptsTheLatestUidsAreRemembered) {
  Restart({.max_remembered = 2});
  ASSERT_TRUE(ledger_->Start(Attempt("running")));
  for (const char* uid : {"first", "second", "third"}) {
    ASSERT_TRUE(ledger_->Start(Attempt(uid)));
    ledger_->Drop(Attempt(uid));
  }
  Restart({.max_remembered = 2});
  EXPECT_EQ(CodeOf(ledger_->Start(Attempt("running"))), ErrorCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(ledger_->Start(Attempt("second"))), ErrorCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(ledger_->Start(Attempt("third"))), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(ledger_->Start(Attempt("first")));
}

TEST_F(LedgerTest, TenThousandUidsAreRememberedAcrossRestartsAndCompaction) {
  constexpr int kUids = 10'000;
  const LedgerOptions options{.compact_above = 100'000};
  Restart(options);
  for (int uid = 1; uid <= kUids; ++uid) {
    ASSERT_TRUE(ledger_->Start(Attempt(std::to_string(uid))));
    ASSERT_TRUE(ledger_->End(Attempt(std::to_string(uid)), ResultOf(std::string(200, 'x'))));
    ledger_->Drop(Attempt(std::to_string(uid)));
    if (uid % 100 == 0) ledger_->Maintain();
  }
  EXPECT_GE(disk_.times_renamed_to("ledger"), 4U) << "nothing was compacted";
  for (int restarts = 0; restarts < 3; ++restarts) {
    Restart(options);
    EXPECT_THAT(ledger_->entries(), IsEmpty());
    for (int uid = 1; uid <= kUids; ++uid) {
      ASSERT_EQ(CodeOf(ledger_->Start(Attempt(std::to_string(uid)))), ErrorCode::kAlreadyExists) << uid;
    }
  }
}

TEST_F(LedgerTest, OnlyAnAttemptThatRunsCanEnd) {
  EXPECT_EQ(CodeOf(ledger_->End(Attempt("a"), ResultOf("never started"))), ErrorCode::kNotFound);
  ASSERT_TRUE(ledger_->Start(Attempt("a")));
  ASSERT_TRUE(ledger_->End(Attempt("a"), ResultOf("first")));
  EXPECT_EQ(CodeOf(ledger_->End(Attempt("a"), ResultOf("second"))), ErrorCode::kAlreadyExists);
  EXPECT_THAT(Describe(*ledger_), ElementsAre("a/1=first"));
  ledger_->Drop(Attempt("a"));
  EXPECT_EQ(CodeOf(ledger_->End(Attempt("a"), ResultOf("dropped"))), ErrorCode::kNotFound);
}

TEST_F(LedgerTest, WhatWasDroppedIsGone) {
  ASSERT_TRUE(ledger_->Start(Attempt("started")));
  ASSERT_TRUE(ledger_->Start(Attempt("ended")));
  ASSERT_TRUE(ledger_->End(Attempt("ended"), ResultOf("")));
  ASSERT_TRUE(ledger_->Start(Attempt("kept")));
  ledger_->Drop(Attempt("started"));
  ledger_->Drop(Attempt("ended"));
  EXPECT_THAT(Describe(*ledger_), ElementsAre("kept/1"));
  Restart();
  EXPECT_THAT(Describe(*ledger_), ElementsAre("kept/1"));
}

TEST_F(LedgerTest, AnAttemptThatWasNeverStartedCanBeStartedAfterADrop) {
  ledger_->Drop(Attempt("a"));
  EXPECT_TRUE(ledger_->Start(Attempt("a")));
}

TEST_F(LedgerTest, DropsReachTheDiskWithoutAnEndInGoodOrder) {
  ASSERT_TRUE(ledger_->Start(Attempt("a")));
  const uint64_t syncs = disk_.syncs();
  ledger_->Drop(Attempt("a"));
  EXPECT_EQ(disk_.syncs(), syncs) << "a drop waits for nothing";
  ledger_->Maintain();
  ASSERT_TRUE(ledger_->Start(Attempt("b")));
  disk_.LosePower();
  Restart();
  EXPECT_THAT(Describe(*ledger_), ElementsAre("b/1"));
}

TEST_F(LedgerTest, AResultThatNobodyWouldTakeIsRefused) {
  ASSERT_TRUE(ledger_->Start(Attempt("a")));
  EXPECT_EQ(CodeOf(ledger_->End(Attempt("a"), ResultOf(std::string(kMaxBodyBytes, 'x')))), ErrorCode::kTooLarge);
  EXPECT_THAT(Describe(*ledger_), ElementsAre("a/1"));
  EXPECT_TRUE(ledger_->health());
}

TEST_F(LedgerTest, ASecondExecutorIsKeptOutUntilTheFirstHasEnded) {
  const auto second = Ledger::Open(disk_.Attach());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  ledger_.reset();
  EXPECT_TRUE(Ledger::Open(disk_.Attach()));
}

TEST_F(LedgerTest, ALoneCallerCostsOneSync) {
  const uint64_t syncs = disk_.syncs();
  ASSERT_TRUE(ledger_->Start(Attempt("a")));
  EXPECT_EQ(disk_.syncs() - syncs, 1U);
  ASSERT_TRUE(ledger_->End(Attempt("a"), ResultOf("")));
  EXPECT_EQ(disk_.syncs() - syncs, 2U);
}

TEST_F(LedgerTest, CallersThatComeDuringASyncShareTheNext) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 30;
  const uint64_t syncs = disk_.syncs();
  for (int round = 1; round <= kRounds; ++round) {
    std::atomic<int> came = 0;
    // The first sync takes as long as it takes the others to come.
    disk_.OnSync([&came] {
      while (came < kThreads) std::this_thread::yield();
    });
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        ++came;
        EXPECT_TRUE(ledger_->Start(Attempt(std::to_string(thread), round)));
      });
    }
  }
  disk_.OnSync(nullptr);
  // Two each, and some more for those that were held up on their way.
  EXPECT_LT(disk_.syncs() - syncs, kRounds * kThreads / 2);
  EXPECT_EQ(ledger_->entries().size(), size_t{kRounds * kThreads});
}

TEST_F(LedgerTest, AnAttemptThatIsBeingStartedIsNotStartedByAnother) {
  std::future<std::vector<ErrorCode>> others;
  disk_.OnSync([&] {
    if (others.valid()) return;
    others = std::async(std::launch::async, [this] {
      return std::vector{CodeOf(ledger_->Start(Attempt("a", 2))), CodeOf(ledger_->Start(Attempt("a", 1)))};
    });
    EXPECT_EQ(others.wait_for(std::chrono::seconds(10)), std::future_status::ready) << "they wait to be started";
  });
  EXPECT_TRUE(ledger_->Start(Attempt("a", 2)));
  EXPECT_THAT(others.get(), ElementsAre(ErrorCode::kAlreadyExists, ErrorCode::kAlreadyExists));
  disk_.OnSync(nullptr);
}

}  // namespace
}  // namespace fumehood::executor
