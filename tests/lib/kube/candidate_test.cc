#include "lib/kube/candidate.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/fakes/fake_api_server.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;
using Step = Candidate::Step;

const ObjectName kName{"system", "controller"};

// One candidate with clocks of its own, whose requests are answered when the test says so.
class Contender {
 public:
  Contender(FakeApiServer& server, std::string identity)
      : client_(server, "test"), candidate_({.lease = kName, .identity = std::move(identity)}, leadership_, 1) {}

  void Advance(std::chrono::milliseconds by) { now_.steady += by; }
  void SetWall(WallTime wall) { now_.wall = wall; }
  bool IsLeader() const { return leadership_.IsHeld(now_.steady); }
  const Leadership& leadership() const { return leadership_; }
  const Step& step() const { return step_; }
  template <typename S>
  bool Is() const {
    return std::holds_alternative<S>(step_);
  }

  void Try() { step_ = candidate_.Try(now_); }
  void Release() { step_ = candidate_.Release(now_); }
  // Sends the request that the step wants. It is answered after `delay`.
  void Exchange(std::chrono::milliseconds delay = 0ms) {
    Result<Lease> answer;
    if (const auto* create = std::get_if<Candidate::Create>(&step_)) {
      answer = CreateLease(client_, create->lease, {});
    } else if (const auto* update = std::get_if<Candidate::Update>(&step_)) {
      answer = UpdateLease(client_, update->lease, {});
    } else {
      ASSERT_TRUE(Is<Candidate::Read>());
      answer = GetLease(client_, kName, {});
    }
    Advance(delay);
    step_ = candidate_.Answered(std::move(answer), now_);
  }
  // All of one attempt, from Try to where there is nothing to ask.
  void Attempt() {
    Try();
    Finish();
  }
  void Finish() {
    while (!Is<Candidate::Wait>() && !Is<Candidate::Over>()) Exchange();
  }
  std::chrono::milliseconds wait() const { return std::get<Candidate::Wait>(step_).delay; }
  std::string leader() const { return candidate_.leader(); }

 private:
  Client client_;
  Leadership leadership_;
  Candidate candidate_;
  Moment now_{SteadyTime{} + 1h, WallTime{} + std::chrono::days(20'000)};
  Step step_ = Candidate::Wait{};
};

class CandidateTest : public testing::Test {
 protected:
  Lease Now() const { return ReadLease(*server_.Find(kLeases, kName)).value(); }
  void AdvanceAll(std::chrono::milliseconds by) {
    a_.Advance(by);
    b_.Advance(by);
  }

  FakeApiServer server_;
  Contender a_{server_, "a"};
  Contender b_{server_, "b"};
};

TEST_F(CandidateTest, TakesAFreeLeaseAtOnce) {
  a_.Attempt();
  EXPECT_TRUE(a_.IsLeader());
  EXPECT_EQ(Now().holder_identity, "a");
  EXPECT_EQ(Now().duration, 15s);
  EXPECT_EQ(Now().transitions, 0);
  EXPECT_EQ(a_.wait(), 2s);
}

TEST_F(CandidateTest, ALeaderRenewsWithOneRequest) {
  a_.Attempt();
  const Lease before = Now();
  const int requests = server_.request_count();
  a_.Advance(2s);
  a_.Attempt();
  EXPECT_EQ(server_.request_count(), requests + 1);
  EXPECT_NE(Now().renew_time, before.renew_time);
  EXPECT_EQ(Now().acquire_time, before.acquire_time);
  EXPECT_EQ(Now().transitions, before.transitions);
}

TEST_F(CandidateTest, LeadsUntilTheDeadlineAfterTheSendTimeAndNoLonger) {
  a_.Attempt();
  a_.Try();
  a_.Exchange(4s);  // answered four seconds later
  a_.Advance(6s - 1ms);
  EXPECT_TRUE(a_.IsLeader());
  a_.Advance(1ms);
  EXPECT_FALSE(a_.IsLeader());
  a_.Attempt();
  EXPECT_TRUE(a_.Is<Candidate::Over>());
}

TEST_F(CandidateTest, ALeaseThatIsAcquiredTooSlowlyIsRenewedBeforeItCounts) {
  a_.Try();
  a_.Exchange();     // nothing there
  a_.Exchange(10s);  // made, but known only when the deadline has passed
  EXPECT_FALSE(a_.IsLeader());
  a_.Attempt();
  EXPECT_TRUE(a_.IsLeader());
  EXPECT_EQ(Now().transitions, 0);
}

TEST_F(CandidateTest, ARenewalThatIsAnsweredAfterTheDeadlineDoesNotBringTheLeadershipBack) {
  a_.Attempt();
  a_.Advance(9s);
  a_.Try();
  a_.Exchange(2s);
  EXPECT_TRUE(a_.Is<Candidate::Over>());
  EXPECT_FALSE(a_.IsLeader());
}

TEST_F(CandidateTest, TakesOverWhenNothingHasChangedForTheWholeDuration) {
  a_.Attempt();
  b_.Advance(20h);
  b_.Attempt();  // sees it for the first time
  b_.Advance(15s - 1ms);
  b_.Attempt();
  EXPECT_FALSE(b_.IsLeader());
  b_.Advance(1ms);
  b_.Attempt();
  EXPECT_TRUE(b_.IsLeader());
  EXPECT_EQ(Now().transitions, 1);
}

TEST_F(CandidateTest, EveryRenewalBeginsTheWaitAnew) {
  a_.Attempt();
  b_.Attempt();
  for (int i = 0; i < 20; ++i) {
    AdvanceAll(5s);
    a_.Attempt();
    b_.Attempt();
    EXPECT_FALSE(b_.IsLeader());
  }
  EXPECT_TRUE(a_.IsLeader());
}

TEST_F(CandidateTest, CountsTheOthersDurationFromTheAnswer) {
  a_.Attempt();
  b_.Try();
  b_.Exchange(5s);
  b_.Advance(15s - 1ms);
  b_.Attempt();
  EXPECT_FALSE(b_.IsLeader());
}

struct WrongClock {
  const char* name;
  WallTime wall;
};

TEST_F(CandidateTest, TheHoldersClockMeansNothing) {
  for (const WrongClock& row :
       {WrongClock{"InThePast", WallTime{}}, WrongClock{"InTheFuture", WallTime{} + std::chrono::days(40'000)}}) {
    SCOPED_TRACE(row.name);
    FakeApiServer server;
    Contender leader(server, "leader");
    Contender waiting(server, "waiting");
    leader.SetWall(row.wall);
    leader.Attempt();
    waiting.Attempt();
    waiting.Advance(15s - 1ms);
    waiting.Attempt();
    EXPECT_FALSE(waiting.IsLeader());
    waiting.Advance(1ms);
    waiting.Attempt();
    EXPECT_TRUE(waiting.IsLeader());
  }
}

TEST_F(CandidateTest, ALeaderWhoseWallClockStandsStillIsSeenToRenew) {
  a_.Attempt();  // no contender's wall clock moves in these tests
  b_.Attempt();
  AdvanceAll(8s);
  a_.Attempt();
  AdvanceAll(8s);
  b_.Attempt();
  AdvanceAll(8s);
  b_.Attempt();
  EXPECT_FALSE(b_.IsLeader());
}

TEST_F(CandidateTest, WaitsForAsLongAsTheHolderPromised) {
  server_.Put(kLeases, {{"metadata", {{"namespace", kName.ns}, {"name", kName.name}}},
                        {"spec", {{"holderIdentity", "patient"}, {"leaseDurationSeconds", 60}}}});
  a_.Attempt();
  a_.Advance(60s - 1ms);
  a_.Attempt();
  EXPECT_FALSE(a_.IsLeader());
  a_.Advance(1ms);
  a_.Attempt();
  EXPECT_TRUE(a_.IsLeader());
}

TEST_F(CandidateTest, OfTwoThatTakeAnExpiredLeaseOneLeads) {
  server_.Put(kLeases, {{"metadata", {{"namespace", kName.ns}, {"name", kName.name}}},
                        {"spec", {{"holderIdentity", "dead"}, {"leaseDurationSeconds", 15}}}});
  a_.Attempt();
  b_.Attempt();
  AdvanceAll(15s);
  a_.Try();
  b_.Try();
  a_.Exchange();
  b_.Exchange();  // both read it, and want it
  a_.Finish();
  b_.Finish();
  EXPECT_TRUE(a_.IsLeader());
  EXPECT_FALSE(b_.IsLeader());
}

TEST_F(CandidateTest, AClaimWhoseAnswerWasLostIsRenewedBeforeItCounts) {
  server_.LoseNextAnswers(1);
  a_.Attempt();
  EXPECT_EQ(Now().holder_identity, "a");
  EXPECT_FALSE(a_.IsLeader());
  a_.Attempt();
  EXPECT_TRUE(a_.IsLeader());
  EXPECT_EQ(Now().transitions, 0);
}

TEST_F(CandidateTest, ARenewalWhoseAnswerWasLostIsReadBackAtOnce) {
  a_.Attempt();
  a_.Advance(8s);
  server_.LoseNextAnswers(1);
  a_.Attempt();
  a_.Advance(8s);
  EXPECT_TRUE(a_.IsLeader());
}

TEST_F(CandidateTest, ALeaderThatSeesAnotherHolderStopsAtOnce) {
  a_.Attempt();
  Json taken = *server_.Find(kLeases, kName);
  taken["spec"]["holderIdentity"] = "b";
  server_.Put(kLeases, taken);
  a_.Attempt();
  EXPECT_TRUE(a_.Is<Candidate::Over>());
  EXPECT_FALSE(a_.IsLeader());
  EXPECT_EQ(Now().holder_identity, "b");
}

TEST_F(CandidateTest, ALeaderGoesOnWhenSomebodyLabelsTheLease) {
  a_.Attempt();
  Json labelled = *server_.Find(kLeases, kName);
  labelled["metadata"]["labels"]["team"] = "x";
  server_.Put(kLeases, labelled);
  a_.Advance(8s);
  a_.Attempt();
  a_.Advance(8s);
  EXPECT_TRUE(a_.IsLeader());
  EXPECT_EQ(Now().object["metadata"]["labels"]["team"], "x");
}

TEST_F(CandidateTest, NobodyWhoKnewALeaderTakesADeletedLeaseBeforeItsTime) {
  a_.Attempt();
  b_.Attempt();
  AdvanceAll(9s);
  a_.Attempt();
  AdvanceAll(6s);  // b has last seen a change 15 s ago
  server_.Erase(kLeases, kName);
  b_.Attempt();
  EXPECT_TRUE(a_.IsLeader());
  EXPECT_FALSE(b_.IsLeader());
  AdvanceAll(15s);
  b_.Attempt();
  EXPECT_TRUE(b_.IsLeader());
  EXPECT_EQ(Now().transitions, 1);
}

TEST_F(CandidateTest, WhoSawTheLeaseFreeDoesNotTakeADeletedOneAtOnceEither) {
  a_.Attempt();
  a_.Release();
  a_.Finish();
  b_.Try();
  b_.Exchange();  // sees that it is free
  Contender other(server_, "other");
  other.Attempt();
  server_.Erase(kLeases, kName);
  b_.Finish();
  b_.Attempt();
  EXPECT_TRUE(other.IsLeader());
  EXPECT_FALSE(b_.IsLeader());
}

TEST_F(CandidateTest, ALeaderMakesADeletedLeaseAnew) {
  a_.Attempt();
  b_.Attempt();
  server_.Erase(kLeases, kName);
  AdvanceAll(8s);
  a_.Attempt();
  b_.Attempt();
  AdvanceAll(8s);
  b_.Attempt();
  EXPECT_TRUE(a_.IsLeader());
  EXPECT_FALSE(b_.IsLeader());
  EXPECT_EQ(Now().transitions, 0);
}

TEST_F(CandidateTest, AReleasedLeaseIsTakenWithoutWaiting) {
  a_.Attempt();
  b_.Attempt();
  a_.Release();
  EXPECT_FALSE(a_.IsLeader());  // before the others can know
  a_.Finish();
  EXPECT_TRUE(a_.Is<Candidate::Over>());
  EXPECT_EQ(Now().holder_identity, "");
  EXPECT_EQ(Now().duration, 1s);
  b_.Attempt();
  EXPECT_TRUE(b_.IsLeader());
  EXPECT_EQ(Now().transitions, 1);
}

TEST_F(CandidateTest, AReleaseThatConflictsIsTriedOnceMore) {
  a_.Attempt();
  Json labelled = *server_.Find(kLeases, kName);
  labelled["metadata"]["labels"]["team"] = "x";
  server_.Put(kLeases, labelled);
  a_.Release();
  a_.Finish();
  EXPECT_EQ(Now().holder_identity, "");
}

TEST_F(CandidateTest, AReleaseLeavesAnothersLeaseAlone) {
  a_.Attempt();
  Json taken = *server_.Find(kLeases, kName);
  taken["spec"]["holderIdentity"] = "b";
  server_.Put(kLeases, taken);
  a_.Release();
  a_.Finish();
  EXPECT_EQ(Now().holder_identity, "b");
}

TEST_F(CandidateTest, AClaimThatMayHaveSucceededIsReleasedToo) {
  server_.LoseNextAnswers(1);
  a_.Attempt();
  ASSERT_EQ(Now().holder_identity, "a");
  a_.Release();
  a_.Finish();
  EXPECT_EQ(Now().holder_identity, "");
}

TEST_F(CandidateTest, WhoNeverLedReleasesNothing) {
  a_.Attempt();
  b_.Attempt();
  const int requests = server_.request_count();
  b_.Release();
  EXPECT_TRUE(b_.Is<Candidate::Over>());
  EXPECT_EQ(server_.request_count(), requests);
}

TEST_F(CandidateTest, ThoseWhoWaitComeAtRandom) {
  a_.Attempt();
  std::chrono::milliseconds shortest = 1h;
  std::chrono::milliseconds longest = 0ms;
  for (int i = 0; i < 200; ++i) {
    b_.Attempt();
    shortest = std::min(shortest, b_.wait());
    longest = std::max(longest, b_.wait());
  }
  EXPECT_GE(shortest, 2s);
  EXPECT_LE(longest, 4400ms);
  EXPECT_GT(longest - shortest, 1s);
}

TEST_F(CandidateTest, KnowsWhoLeads) {
  EXPECT_EQ(b_.leader(), "");
  a_.Attempt();
  b_.Attempt();
  EXPECT_EQ(b_.leader(), "a");
}

}  // namespace
}  // namespace fumehood::kube
