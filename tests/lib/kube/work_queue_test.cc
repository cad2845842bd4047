#include "lib/kube/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "lib/kube/workers.h"
#include "tests/fakes/fake_clock.h"

namespace fumehood::kube {
namespace {

using std::chrono::milliseconds;

class WorkQueueTest : public testing::Test {
 protected:
  FakeClock clock_;
  WorkQueue<std::string> queue_{clock_};
};

TEST_F(WorkQueueTest, HandsOutInOrderAndEachKeyOnce) {
  queue_.Add("a");
  queue_.Add("b");
  queue_.Add("a");
  EXPECT_EQ(queue_.size(), 2U);
  EXPECT_EQ(queue_.TryGet(), "a");
  EXPECT_EQ(queue_.TryGet(), "b");
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, KeyAddedDuringItsWorkComesAgainAfterwards) {
  queue_.Add("a");
  ASSERT_EQ(queue_.TryGet(), "a");
  queue_.Add("a");
  queue_.Add("a");
  EXPECT_EQ(queue_.TryGet(), std::nullopt);  // never two at once
  queue_.Done("a");
  EXPECT_EQ(queue_.TryGet(), "a");
  queue_.Done("a");
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, DelayedKeyComesWhenItsTimeHasCome) {
  queue_.AddAfter("a", milliseconds(100));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  clock_.Advance(milliseconds(99));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(queue_.TryGet(), "a");
}

TEST_F(WorkQueueTest, EarlierOfTwoDelaysCounts) {
  queue_.AddAfter("a", milliseconds(100));
  queue_.AddAfter("a", milliseconds(10));
  queue_.AddAfter("a", milliseconds(1'000));
  clock_.Advance(milliseconds(10));
  EXPECT_EQ(queue_.TryGet(), "a");
  queue_.Done("a");
  clock_.Advance(milliseconds(5'000));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, NoDelayIsNow) {
  queue_.AddAfter("a", milliseconds(-5));
  EXPECT_EQ(queue_.TryGet(), "a");
}

TEST_F(WorkQueueTest, FailuresWaitLongerEachTimeUntilForgotten) {
  const auto waits_longer_than = [this](milliseconds delay) {
    queue_.AddRateLimited("a");
    clock_.Advance(delay);
    const bool early = queue_.TryGet().has_value();
    clock_.Advance(delay);  // the chance is ±20 %, so twice the delay is enough
    const bool came = early || queue_.TryGet().has_value();
    queue_.Done("a");
    EXPECT_TRUE(came);
    return !early;
  };
  EXPECT_TRUE(waits_longer_than(milliseconds(3)));   // 5 ms
  EXPECT_TRUE(waits_longer_than(milliseconds(7)));   // 10 ms
  EXPECT_TRUE(waits_longer_than(milliseconds(15)));  // 20 ms
  queue_.Forget("a");
  EXPECT_TRUE(waits_longer_than(milliseconds(3)));
}

TEST_F(WorkQueueTest, DelayHasACeiling) {
  for (int i = 0; i < 60; ++i) {
    queue_.AddRateLimited("a");
    clock_.Advance(milliseconds(36'000));
    ASSERT_EQ(queue_.TryGet(), "a") << i;
    queue_.Done("a");
  }
}

class CountingObserver final : public WorkQueueObserver {
 public:
  void OnAdded() override { ++added; }
  void OnDelayed() override { ++delayed; }
  void OnTaken(std::chrono::nanoseconds time) override { waited.push_back(time); }
  void OnDone(std::chrono::nanoseconds time) override { worked.push_back(time); }

  int added = 0;
  int delayed = 0;
  std::vector<std::chrono::nanoseconds> waited;
  std::vector<std::chrono::nanoseconds> worked;
};

class ObservedWorkQueueTest : public testing::Test {
 protected:
  using Times = std::vector<std::chrono::nanoseconds>;

  FakeClock clock_;
  CountingObserver observed_;
  WorkQueue<std::string> queue_{clock_, {}, &observed_};
};

TEST_F(ObservedWorkQueueTest, WaitIsFromTheFirstAdditionToItsTaking) {
  queue_.Add("a");
  clock_.Advance(milliseconds(3));
  queue_.Add("a");
  clock_.Advance(milliseconds(4));
  EXPECT_EQ(queue_.TryGet(), "a");
  EXPECT_EQ(observed_.added, 1);
  EXPECT_EQ(observed_.waited, Times{milliseconds(7)});
}

TEST_F(ObservedWorkQueueTest, WaitOfAKeyThatIsBeingWorkedOnCountsFromItsAddition) {
  queue_.Add("a");
  EXPECT_EQ(queue_.TryGet(), "a");
  queue_.Add("a");
  clock_.Advance(milliseconds(5));
  queue_.Done("a");
  EXPECT_EQ(queue_.TryGet(), "a");
  EXPECT_EQ(observed_.added, 2);
  EXPECT_EQ(observed_.worked, Times{milliseconds(5)});
  EXPECT_EQ(observed_.waited, (Times{milliseconds(0), milliseconds(5)}));
}

TEST_F(ObservedWorkQueueTest, ADelayIsNoWait) {
  queue_.AddAfter("a", milliseconds(100));
  EXPECT_EQ(observed_.added, 0);
  EXPECT_EQ(observed_.delayed, 1);
  clock_.Advance(milliseconds(100));
  EXPECT_EQ(queue_.TryGet(), "a");
  EXPECT_EQ(observed_.waited, Times{milliseconds(0)});
}

TEST_F(ObservedWorkQueueTest, UnfinishedWorkGrowsUntilDone) {
  queue_.Add("a");
  queue_.Add("b");
  EXPECT_EQ(queue_.TryGet(), "a");
  clock_.Advance(milliseconds(2));
  EXPECT_EQ(queue_.TryGet(), "b");
  clock_.Advance(milliseconds(3));
  EXPECT_EQ(queue_.unfinished().total, milliseconds(8));
  EXPECT_EQ(queue_.unfinished().longest, milliseconds(5));
  queue_.Done("a");
  EXPECT_EQ(queue_.unfinished().longest, milliseconds(3));
  queue_.Done("b");
  EXPECT_EQ(queue_.unfinished().total, milliseconds(0));
}

TEST(WorkQueueThreadsTest, NoKeyIsEverWorkedOnTwiceAtOnceAndNoneIsLost) {
  const SystemClock clock;
  WorkQueue<int> queue(clock);
  constexpr int kKeys = 8;
  constexpr int kRounds = 200;
  std::array<std::atomic<int>, kKeys> working{};
  std::array<std::atomic<int>, kKeys> last_seen{};
  std::array<std::atomic<int>, kKeys> latest{};
  std::atomic<bool> overlapped = false;
  {
    const Workers<int> workers(queue, 4, "test", [&](const int& key, std::stop_token) -> Outcome {
      const auto index = static_cast<size_t>(key);
      if (++working[index] != 1) overlapped = true;
      last_seen[index] = latest[index].load();
      --working[index];
      return Settled{};
    });
    for (int round = 1; round <= kRounds; ++round) {
      for (int key = 0; key < kKeys; ++key) {
        latest[static_cast<size_t>(key)] = round;
        queue.Add(key);
      }
    }
    // Each key is worked on at least once after its last addition.
    for (size_t key = 0; key < kKeys; ++key) {
      while (last_seen[key] != kRounds) std::this_thread::yield();
    }
  }
  EXPECT_FALSE(overlapped);
}

TEST(WorkQueueThreadsTest, GetWakesForADelayedKeyAndForAStop) {
  const SystemClock clock;
  WorkQueue<int> queue(clock);
  std::latch got(1);
  std::jthread worker([&](std::stop_token stop) {
    while (const auto key = queue.Get(stop)) {
      queue.Done(*key);
      got.count_down();
    }
  });
  queue.AddAfter(1, milliseconds(5));
  got.wait();
  worker.request_stop();
  worker.join();
}

TEST(WorkersTest, OutcomeDecidesWhenTheKeyComesAgain) {
  const SystemClock clock;
  WorkQueue<std::string> queue(clock, {.initial = milliseconds(1), .max = milliseconds(2)});
  std::mutex mutex;
  std::map<std::string, int> calls;
  std::latch done(2);
  const Workers<std::string> workers(queue, 1, "test", [&](const std::string& key, std::stop_token) -> Outcome {
    std::lock_guard lock(mutex);
    const int call = ++calls[key];
    if (key == "failing" && call < 3) return TryAgain{};
    if (key == "later" && call < 2) return LookAgain{milliseconds(1)};
    done.count_down();
    return Settled{};
  });
  queue.Add("failing");
  queue.Add("later");
  done.wait();
  std::lock_guard lock(mutex);
  EXPECT_EQ(calls["failing"], 3);
  EXPECT_EQ(calls["later"], 2);
}

TEST(WorkersTest, ResultsHaveControllerRuntimesNames) {
  EXPECT_EQ(ResultOf(Settled{}), ReconcileResult::kSuccess);
  EXPECT_EQ(ResultOf(LookAgain{milliseconds(0)}), ReconcileResult::kRequeue);
  EXPECT_EQ(ResultOf(LookAgain{milliseconds(1)}), ReconcileResult::kRequeueAfter);
  EXPECT_EQ(ResultOf(TryAgain{}), ReconcileResult::kError);
}

class RecordingWorkersObserver final : public WorkersObserver {
 public:
  void OnWorkersStarted(int count) override { workers = count; }
  void OnReconcileBegins() override { ++active; }
  void OnReconcileEnds(ReconcileResult result, std::chrono::nanoseconds) override {
    --active;
    results.push_back(result);
  }

  int workers = 0;
  int active = 0;
  std::vector<ReconcileResult> results;
};

TEST(WorkersTest, EachReconcileIsObserved) {
  const SystemClock clock;
  WorkQueue<std::string> queue(clock, {.initial = milliseconds(1), .max = milliseconds(1)});
  RecordingWorkersObserver observed;
  {
    std::latch done(2);
    const Workers<std::string> workers(
        queue, 1, "test",
        [&](const std::string&, std::stop_token) -> Outcome {
          EXPECT_EQ(observed.active, 1);
          const bool first = observed.results.empty();
          done.count_down();
          return first ? Outcome(TryAgain{}) : Outcome(Settled{});
        },
        &observed);
    queue.Add("a");
    done.wait();
  }
  EXPECT_EQ(observed.workers, 1);
  EXPECT_EQ(observed.active, 0);
  EXPECT_EQ(observed.results, (std::vector{ReconcileResult::kError, ReconcileResult::kSuccess}));
}

}  // namespace
}  // namespace fumehood::kube
