// Power that goes away, and a disk that fails, at any moment.
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "executor/ledger.h"
#include "tests/executor/ledger_samples.h"

namespace fumehood::executor {
namespace {

// Small files are compacted too, so that it happens often.
constexpr LedgerOptions kOptions{.compact_above = 3'000};

// What the one who called the ledger may count on.
enum class Promise { kNone, kMaybe, kDurable };

struct Known {
  Promise started = Promise::kNone;
  Promise ended = Promise::kNone;
  Json result;
  bool is_dropped = false;
};

// Calls a ledger for attempts of its own, and knows what it was promised. For one thread.
class Caller {
 public:
  Caller(std::string name, unsigned seed) : name_(std::move(name)), random_(seed) {}

  // One call, chosen by chance.
  void CallSomething(Ledger& ledger) {
    switch (Random(9)) {
      case 0: ledger.Maintain(); return;
      case 1:
      case 2:
      case 3: Start(ledger); return;
      case 4:
      case 5:
      case 6: End(ledger); return;
      default: Drop(ledger); return;
    }
  }

  void Start(Ledger& ledger) {
    const std::string uid = name_ + "-" + std::to_string(Random(20));
    int64_t attempt = 1;
    while (known_.contains(Attempt(uid, attempt))) ++attempt;
    Known& known = known_[Attempt(uid, attempt)];
    known.started = ledger.Start(Attempt(uid, attempt)) ? Promise::kDurable : Promise::kMaybe;
  }

  void End(Ledger& ledger) {
    for (auto& [key, known] : known_) {
      if (known.started != Promise::kDurable || known.ended != Promise::kNone || known.is_dropped) continue;
      known.result = ResultOf(std::string(Random(700), 'x'));
      known.ended = ledger.End(key, known.result) ? Promise::kDurable : Promise::kMaybe;
      return;
    }
  }

  void Drop(Ledger& ledger) {
    for (auto& [key, known] : known_) {
      if (known.started != Promise::kDurable || known.is_dropped || Random(2) == 0) continue;
      known.is_dropped = true;
      ledger.Drop(key);
      return;
    }
  }

  // Compares what a ledger that was opened again holds with what was promised. From now on the former counts.
  void Check(Ledger& ledger, std::map<AttemptKey, Ledger::Entry>& found) {
    for (auto& [key, known] : known_) {
      SCOPED_TRACE(testing::Message() << key.uid << "/" << key.attempt);
      const auto entry = found.find(key);
      if (entry == found.end()) {
        EXPECT_TRUE(known.started != Promise::kDurable || known.is_dropped) << "its start is lost";
        if (known.started == Promise::kMaybe) known.started = Promise::kNone;
      } else {
        EXPECT_NE(known.started, Promise::kNone) << "it was never started";
        known.started = Promise::kDurable;
        known.is_dropped = false;
        if (entry->second.stage == Ledger::Stage::kEnded) {
          EXPECT_NE(known.ended, Promise::kNone) << "it has never ended";
          EXPECT_EQ(entry->second.result, known.result);
          known.ended = Promise::kDurable;
        } else {
          EXPECT_NE(known.ended, Promise::kDurable) << "its end is lost";
          known.ended = Promise::kNone;
        }
        found.erase(entry);
      }
      if (known.started == Promise::kDurable) {
        EXPECT_EQ(CodeOf(ledger.Start(key)), ErrorCode::kAlreadyExists) << "it starts twice";
      }
    }
    std::erase_if(known_, [](const auto& known) { return known.second.started == Promise::kNone; });
  }

 private:
  int Random(int up_to) { return std::uniform_int_distribution<int>(0, up_to)(random_); }

  std::string name_;
  std::minstd_rand random_;
  std::map<AttemptKey, Known> known_;
};

void CheckAll(Ledger& ledger, std::vector<Caller>& callers) {
  std::map<AttemptKey, Ledger::Entry> found;
  for (Ledger::Entry& entry : ledger.entries()) found[entry.key] = entry;
  for (Caller& caller : callers) caller.Check(ledger, found);
  EXPECT_TRUE(found.empty()) << "invented: " << found.begin()->first.uid;
}

// The same calls each time.
void CallInOrder(Ledger& ledger, Caller& caller) {
  for (int calls = 0; calls < 100; ++calls) caller.CallSomething(ledger);
}

// How many operations of the disk that causes from the beginning, the making of the first file included.
uint64_t CountOperations() {
  FakeDisk disk(1);
  Caller caller("caller", 1);
  CallInOrder(*OpenLedger(disk, kOptions), caller);
  EXPECT_GE(disk.times_renamed_to("ledger"), 3U) << "nothing was compacted";
  return disk.operations();
}

TEST(LedgerPowerLossTest, WhateverOperationThePowerIsLostInPromisesAreKept) {
  const uint64_t operations = CountOperations();
  for (uint64_t operation = 1; operation <= operations; ++operation) {
    SCOPED_TRACE(testing::Message() << "operation " << operation);
    FakeDisk disk(static_cast<unsigned>(operation));
    std::vector<Caller> callers{Caller("caller", 1)};
    disk.LosePowerAt(operation);
    CallInOrder(*OpenLedger(disk, kOptions), callers[0]);
    disk.LosePower();
    const auto ledger = OpenLedger(disk, kOptions);
    CheckAll(*ledger, callers);
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

TEST(LedgerPowerLossTest, WhateverOperationFailsPromisesAreKept) {
  const uint64_t operations = CountOperations();
  for (const int error_number : {ENOSPC, EIO}) {
    for (uint64_t operation = 1; operation <= operations; ++operation) {
      SCOPED_TRACE(testing::Message() << "errno " << error_number << " in operation " << operation);
      FakeDisk disk(static_cast<unsigned>(operation));
      std::vector<Caller> callers{Caller("caller", 1)};
      disk.FailAt(operation, error_number);
      CallInOrder(*OpenLedger(disk, kOptions), callers[0]);
      disk.LosePower();
      const auto ledger = OpenLedger(disk, kOptions);
      CheckAll(*ledger, callers);
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  }
}

// Several executors, one after the other, each with several threads; most end without notice.
void LiveSeveralLives(unsigned seed) {
  std::minstd_rand random(seed);
  const auto up_to = [&random](uint64_t most) { return std::uniform_int_distribution<uint64_t>(0, most)(random); };
  FakeDisk disk(seed);
  std::vector<Caller> callers;
  for (unsigned caller = 0; caller < 3; ++caller) callers.emplace_back(std::to_string(caller), seed * 3 + caller);
  for (int lives = 0; lives < 4; ++lives) {
    const uint64_t power_losses = disk.power_losses();
    const uint64_t operations = disk.operations();
    disk.LosePowerAt(operations + 1 + up_to(250));
    for (int failures = 0; failures < 3; ++failures) disk.FailAt(operations + 1 + up_to(250), up_to(1) ? EIO : ENOSPC);
    const auto ledger = OpenLedger(disk, kOptions);
    CheckAll(*ledger, callers);
    std::vector<std::jthread> threads;
    for (Caller& caller : callers) {
      threads.emplace_back([&] {
        for (int calls = 0; calls < 100 && disk.power_losses() == power_losses; ++calls) caller.CallSomething(*ledger);
      });
    }
    threads.clear();
    if (up_to(3) != 0) disk.LosePower();
  }
  CheckAll(*OpenLedger(disk, kOptions), callers);
}

TEST(LedgerPowerLossTest, SeveralThreadsAndSeveralLivesKeepAllPromises) {
  const auto given = static_cast<unsigned>(GTEST_FLAG_GET(random_seed));
  const unsigned first = given != 0 ? given : std::random_device{}() % 99'999 + 1;  // the flag takes no more
  for (unsigned seed = first; seed < first + 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "to begin with this one: --gtest_random_seed=" << seed);
    LiveSeveralLives(seed);
    ASSERT_FALSE(testing::Test::HasFailure());
  }
}

}  // namespace
}  // namespace fumehood::executor
