#include "lib/kube/event_correlator.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/fakes/fake_clock.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;
using Kind = EventWrite::Kind;

EventRecord Record(const std::string& reason = "ImageNotFound", const std::string& object = "unit") {
  return {.regarding = {"fumehood.dev/v1alpha1", "SandboxCommand", "team-a", object, "uid-of-" + object},
          .type = EventType::kWarning,
          .reason = reason,
          .action = "Scheduling",
          .note = "a note"};
}

class EventCorrelatorTest : public testing::Test {
 protected:
  // Observes it; a write that comes of it succeeds. Tells how it was written.
  std::optional<EventWrite> Happens(EventRecord record) {
    auto write = correlator_.Observe(std::move(record));
    if (write) {
      EXPECT_TRUE(correlator_.Answered(write->key, {}));
    }
    return write;
  }
  // Observes it, and the API server can't be reached.
  EventWrite HappensInVain(EventRecord record) {
    const auto write = correlator_.Observe(std::move(record)).value();
    EXPECT_TRUE(correlator_.Answered(write.key, Unavailable()));
    return write;
  }
  static Status Unavailable() { return Fail(ErrorCode::kUnavailable, "away"); }
  void UseUpTheBudget() {
    for (int i = 0; i < 25; ++i) ASSERT_TRUE(Happens(Record("Reason" + std::to_string(i))));
  }

  FakeClock clock_;
  EventCorrelator correlator_{clock_, {"component", "pod-1"}, 1};
};

TEST_F(EventCorrelatorTest, WhatHappensForTheFirstTimeIsCreatedWithoutASeries) {
  const auto write = Happens(Record());
  ASSERT_TRUE(write);
  EXPECT_EQ(write->kind, Kind::kCreate);
  EXPECT_EQ(write->name.ns, "team-a");
  EXPECT_FALSE(write->body.contains("series"));
}

TEST_F(EventCorrelatorTest, WhatRepeatsPatchesTheSeriesOfTheSameEvent) {
  const auto first = Happens(Record());
  clock_.Advance(6min);
  const auto second = Happens(Record());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->kind, Kind::kPatch);
  EXPECT_EQ(second->name, first->name);
  EXPECT_EQ(second->body, Json({{"series", {{"count", 2}, {"lastObservedTime", FormatMicroTime(clock_.WallNow())}}}}));
  clock_.Advance(6min);  // since the last time, not the first
  EXPECT_EQ(Happens(Record())->body["series"]["count"], 3);
}

TEST_F(EventCorrelatorTest, AfterSixQuietMinutesItIsANewEvent) {
  const auto first = Happens(Record());
  clock_.Advance(6min + 1ms);
  const auto second = Happens(Record());
  ASSERT_TRUE(second);
  EXPECT_EQ(second->kind, Kind::kCreate);
  EXPECT_NE(second->name, first->name);
}

struct Variant {
  const char* name;
  std::function<void(EventRecord&)> change;
  Kind want;
};

TEST_F(EventCorrelatorTest, CountsTogetherWhatIsTheSameButForItsNote) {
  for (const Variant& row : {
           Variant{"Note", [](EventRecord& r) { r.note = "another"; }, Kind::kPatch},
           Variant{"Type", [](EventRecord& r) { r.type = EventType::kNormal; }, Kind::kCreate},
           Variant{"Reason", [](EventRecord& r) { r.reason = "Another"; }, Kind::kCreate},
           Variant{"Action", [](EventRecord& r) { r.action = "Another"; }, Kind::kCreate},
           Variant{"Kind", [](EventRecord& r) { r.regarding.kind = "Another"; }, Kind::kCreate},
           Variant{"Namespace", [](EventRecord& r) { r.regarding.ns = "another"; }, Kind::kCreate},
           Variant{"Name", [](EventRecord& r) { r.regarding.name = "another"; }, Kind::kCreate},
           Variant{"Uid", [](EventRecord& r) { r.regarding.uid = "another"; }, Kind::kCreate},
       }) {
    Happens(Record());
    EventRecord changed = Record();
    row.change(changed);
    const auto write = Happens(std::move(changed));
    ASSERT_TRUE(write) << row.name;
    EXPECT_EQ(write->kind, row.want) << row.name;
  }
}

TEST_F(EventCorrelatorTest, EventsAtTheSameMomentHaveNamesOfTheirOwn) {
  EXPECT_NE(Happens(Record("A"))->name, Happens(Record("B"))->name);
}

TEST_F(EventCorrelatorTest, WhatHasNoNamespaceIsReportedInTheDefaultOne) {
  EventRecord record = Record();
  record.regarding.ns.clear();
  const auto write = Happens(record);
  EXPECT_EQ(write->name.ns, "default");
  EXPECT_EQ(write->body["metadata"]["namespace"], "default");
}

TEST_F(EventCorrelatorTest, ASeriesWhoseEventIsGoneIsCreatedAnewAtOnce) {
  Happens(Record());
  const auto patch = correlator_.Observe(Record());
  EXPECT_TRUE(correlator_.Answered(patch->key, Fail(ErrorCode::kNotFound, "gone")));
  const auto anew = correlator_.TakeRetry();
  ASSERT_TRUE(anew);
  EXPECT_EQ(anew->kind, Kind::kCreate);
  EXPECT_EQ(anew->body["series"]["count"], 2);
}

TEST_F(EventCorrelatorTest, AnEventThatCannotBeCreatedIsGivenUp) {
  for (const ErrorCode code : {ErrorCode::kNotFound, ErrorCode::kForbidden, ErrorCode::kInvalid}) {
    const auto write = correlator_.Observe(Record(std::string(ToString(code))));
    EXPECT_FALSE(correlator_.Answered(write->key, Fail(code, "refused"))) << ToString(code);
    clock_.Advance(13s);
    EXPECT_FALSE(correlator_.TakeRetry()) << ToString(code);
  }
}

TEST_F(EventCorrelatorTest, AnEventThatExistsAlreadyIsWritten) {
  const auto write = correlator_.Observe(Record());
  EXPECT_TRUE(correlator_.Answered(write->key, Fail(ErrorCode::kAlreadyExists, "there")));
  EXPECT_EQ(Happens(Record())->kind, Kind::kPatch);
}

TEST_F(EventCorrelatorTest, AWriteThatMayHaveSucceededIsNotRepeatedButFoundByTheNext) {
  const auto write = correlator_.Observe(Record());
  EXPECT_FALSE(correlator_.Answered(write->key, Fail(ErrorCode::kOutcomeUnknown, "no answer")));
  clock_.Advance(13s);
  EXPECT_FALSE(correlator_.TakeRetry());
  EXPECT_EQ(Happens(Record())->kind, Kind::kPatch);
}

TEST_F(EventCorrelatorTest, ABurstAboutOneObjectEndsAndRefillsSlowly) {
  UseUpTheBudget();
  EXPECT_FALSE(Happens(Record("OneMore")));
  EXPECT_TRUE(Happens(Record("OneMore", "another object")));
  clock_.Advance(299s);
  EXPECT_FALSE(Happens(Record("OneMore")));
  clock_.Advance(1s);
  EXPECT_TRUE(Happens(Record("OneMore")));
  EXPECT_FALSE(Happens(Record("OneMore")));
}

TEST_F(EventCorrelatorTest, ALongQuietTimeAllowsNoMoreThanOneBurst) {
  UseUpTheBudget();
  clock_.Advance(48h);
  UseUpTheBudget();
  EXPECT_FALSE(Happens(Record("OneMore")));
}

TEST_F(EventCorrelatorTest, WhatIsNotWrittenIsCountedInTheNextWrite) {
  UseUpTheBudget();
  EXPECT_FALSE(Happens(Record("New")));
  EXPECT_FALSE(Happens(Record("New")));
  clock_.Advance(300s);
  const auto write = Happens(Record("New"));
  ASSERT_TRUE(write);
  EXPECT_EQ(write->kind, Kind::kCreate);
  EXPECT_EQ(write->body["series"]["count"], 3);
}

TEST_F(EventCorrelatorTest, AWriteIsTriedAgainAfterAboutTenSeconds) {
  const EventWrite first = HappensInVain(Record());
  clock_.Advance(7'499ms);
  EXPECT_FALSE(correlator_.TakeRetry());
  clock_.Advance(5'001ms);
  const auto again = correlator_.TakeRetry();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->name, first.name);
  EXPECT_EQ(again->body, first.body);
  EXPECT_FALSE(correlator_.TakeRetry());
}

TEST_F(EventCorrelatorTest, TheRetryCarriesWhatHappenedMeanwhile) {
  HappensInVain(Record());
  clock_.Advance(1s);
  EXPECT_FALSE(correlator_.Observe(Record()));
  EXPECT_TRUE(Happens(Record("Another")));  // nothing else waits
  clock_.Advance(12s);
  const auto again = correlator_.TakeRetry();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->kind, Kind::kCreate);
  EXPECT_EQ(again->body["series"]["count"], 2);
}

TEST_F(EventCorrelatorTest, IsGivenUpAfterTwelveTries) {
  const auto first = correlator_.Observe(Record());
  Status answer = correlator_.Answered(first->key, Unavailable());
  int tries = 1;
  while (answer && tries < 100) {
    clock_.Advance(12'500ms);
    const auto again = correlator_.TakeRetry();
    ASSERT_TRUE(again);
    answer = correlator_.Answered(again->key, Unavailable());
    ++tries;
  }
  EXPECT_EQ(tries, 12);
  EXPECT_FALSE(correlator_.next_retry());
  EXPECT_EQ(correlator_.Observe(Record())->kind, Kind::kCreate);  // and what happens next is tried
}

TEST_F(EventCorrelatorTest, ASuccessGivesTheNextWriteAllItsTries) {
  HappensInVain(Record());
  clock_.Advance(13s);
  EXPECT_TRUE(correlator_.Answered(correlator_.TakeRetry()->key, {}));
  auto write = correlator_.Observe(Record());
  for (int i = 1; i < 12; ++i) {
    ASSERT_TRUE(write);
    EXPECT_TRUE(correlator_.Answered(write->key, Unavailable())) << i;
    clock_.Advance(13s);
    write = correlator_.TakeRetry();
  }
  EXPECT_FALSE(correlator_.Answered(write->key, Unavailable()));
}

TEST_F(EventCorrelatorTest, RemembersTheLast4096) {
  Happens(Record());
  for (int i = 0; i < 4'095; ++i) Happens(Record("ImageNotFound", std::to_string(i)));
  EXPECT_EQ(Happens(Record())->kind, Kind::kPatch);
  for (int i = 0; i < 4'096; ++i) Happens(Record("ImageNotFound", "other-" + std::to_string(i)));
  EXPECT_EQ(Happens(Record())->kind, Kind::kCreate);
}

TEST_F(EventCorrelatorTest, ARetryOfWhatIsForgottenIsForgottenToo) {
  HappensInVain(Record());
  for (int i = 0; i < 4'096; ++i) Happens(Record("ImageNotFound", std::to_string(i)));
  clock_.Advance(13s);
  EXPECT_FALSE(correlator_.TakeRetry());
}

TEST_F(EventCorrelatorTest, ARetryOfWhatIsForgottenIsNotOneOfWhatBeganAnew) {
  HappensInVain(Record());
  for (int i = 0; i < 4'096; ++i) Happens(Record("ImageNotFound", std::to_string(i)));
  Happens(Record());
  clock_.Advance(13s);
  EXPECT_FALSE(correlator_.TakeRetry());
}

}  // namespace
}  // namespace fumehood::kube
