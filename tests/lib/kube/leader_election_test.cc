#include "lib/kube/leader_election.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

const ObjectName kName{"system", "controller"};

// What was called, in order.
class Journal {
 public:
  void Add(std::string entry) {
    std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
    added_.notify_all();
  }
  std::vector<std::string> entries() const {
    std::lock_guard lock(mutex_);
    return entries_;
  }
  bool WaitFor(const std::string& entry) const {
    std::unique_lock lock(mutex_);
    return added_.wait_for(lock, 10s, [&] { return std::ranges::find(entries_, entry) != entries_.end(); });
  }

 private:
  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable added_;
  std::vector<std::string> entries_;
};

class LeaderElectorTest : public testing::Test {
 protected:
  // Retries without waiting; the other times are the usual ones, of a clock that the test moves.
  std::unique_ptr<LeaderElector> Start(
      const std::string& identity, AtEnd at_end = AtEnd::kRelease, std::function<void()> on_elected = [] {}) {
    auto elector = LeaderElector::Create(
        client_, clock_, {.lease = kName, .identity = identity, .retry_period = 1ms}, at_end,
        {.on_elected =
             [this, identity, on_elected] {
               journal_.Add(identity + " elected");
               on_elected();
             },
         .on_lost = [this, identity] { journal_.Add(identity + " lost"); },
         .on_new_leader = [this, identity](const std::string& who) { journal_.Add(identity + " sees " + who); },
         .on_problem = [this, identity](const Error& error) { journal_.Add(std::string(ToString(error.code))); }});
    EXPECT_TRUE(elector) << elector.error().message;
    return std::move(*elector);
  }
  Lease Now() const { return ReadLease(*server_.Find(kLeases, kName)).value(); }

  FakeClock clock_;
  FakeApiServer server_;
  Client client_{server_, "test"};
  Journal journal_;
};

TEST_F(LeaderElectorTest, IsElectedAndReleasesTheLeaseInTheEnd) {
  auto elector = Start("a");
  ASSERT_TRUE(journal_.WaitFor("a elected"));
  EXPECT_TRUE(elector->IsLeader());
  EXPECT_EQ(Now().holder_identity, "a");
  elector.reset();
  EXPECT_EQ(Now().holder_identity, "");
  EXPECT_THAT(journal_.entries(), ElementsAre("a sees a", "a elected"));
}

TEST_F(LeaderElectorTest, KeepsTheLeaseInTheEndWhereAskedTo) {
  auto elector = Start("a", AtEnd::kKeep);
  ASSERT_TRUE(journal_.WaitFor("a elected"));
  elector.reset();
  EXPECT_EQ(Now().holder_identity, "a");
}

TEST_F(LeaderElectorTest, LeadsForAsLongAsItRenews) {
  const auto elector = Start("a");
  ASSERT_TRUE(journal_.WaitFor("a elected"));
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(9s);
    ASSERT_TRUE(server_.WaitUntil([&] { return Now().renew_time >= clock_.WallNow(); }));
    ASSERT_TRUE(server_.WaitUntil([&] { return elector->IsLeader(); }));
    const int requests = server_.request_count();
    ASSERT_TRUE(server_.WaitUntil([&] { return server_.request_count() > requests + 1; }));
  }
  EXPECT_THAT(journal_.entries(), ElementsAre("a sees a", "a elected"));
}

TEST_F(LeaderElectorTest, HandsOverToAnotherThatWaits) {
  auto first = Start("a");
  ASSERT_TRUE(journal_.WaitFor("a elected"));
  const auto second = Start("b");
  ASSERT_TRUE(journal_.WaitFor("b sees a"));
  first.reset();
  ASSERT_TRUE(journal_.WaitFor("b elected"));  // no time has passed
  EXPECT_TRUE(second->IsLeader());
  EXPECT_EQ(Now().transitions, 1);
}

TEST_F(LeaderElectorTest, LosesTheLeadershipWhenTheServerIsAwayUntilTheDeadline) {
  const auto elector = Start("a");
  ASSERT_TRUE(journal_.WaitFor("a elected"));
  server_.RefuseNext(1'000'000, 503);
  ASSERT_TRUE(journal_.WaitFor("unavailable"));
  clock_.Advance(10s - 1ms);
  EXPECT_TRUE(elector->IsLeader());
  clock_.Advance(1ms);
  EXPECT_FALSE(elector->IsLeader());
  ASSERT_TRUE(journal_.WaitFor("a lost"));
  server_.RefuseNext(0, 0);
  EXPECT_FALSE(elector->IsLeader());
}

TEST_F(LeaderElectorTest, LosesTheLeadershipAtOnceWhenAnotherHoldsTheLease) {
  const auto elector = Start("a");
  ASSERT_TRUE(journal_.WaitFor("a elected"));
  Json taken = *server_.Find(kLeases, kName);
  taken["spec"]["holderIdentity"] = "b";
  server_.Put(kLeases, taken);
  ASSERT_TRUE(journal_.WaitFor("a lost"));
  EXPECT_FALSE(elector->IsLeader());
  EXPECT_THAT(journal_.entries(), ElementsAre("a sees a", "a elected", "a sees b", "a lost"));
}

TEST_F(LeaderElectorTest, TheWatchdogDoesNotNeedTheThreadThatRenews) {
  std::promise<void> hang_ends;
  const auto elector = Start("a", AtEnd::kRelease, [ended = hang_ends.get_future().share()] { ended.wait(); });
  ASSERT_TRUE(journal_.WaitFor("a elected"));
  EXPECT_TRUE(elector->IsLeader());
  clock_.Advance(10s);
  EXPECT_FALSE(elector->IsLeader());
  EXPECT_TRUE(journal_.WaitFor("a lost"));
  hang_ends.set_value();
}

TEST_F(LeaderElectorTest, WhoLostLeavesTheLeaseAloneInTheEnd) {
  auto elector = Start("a");
  ASSERT_TRUE(journal_.WaitFor("a elected"));
  server_.RefuseNext(1'000'000, 503);
  ASSERT_TRUE(journal_.WaitFor("unavailable"));
  clock_.Advance(10s);
  ASSERT_TRUE(journal_.WaitFor("a lost"));
  server_.RefuseNext(0, 0);
  elector.reset();
  EXPECT_EQ(Now().holder_identity, "a");
}

TEST_F(LeaderElectorTest, RefusesOptionsThatCannotWork) {
  const auto elector =
      LeaderElector::Create(client_, clock_, {.lease = kName, .identity = "", .retry_period = 1ms}, AtEnd::kKeep, {});
  ASSERT_FALSE(elector);
  EXPECT_EQ(elector.error().code, ErrorCode::kInvalid);
}

struct Invalid {
  const char* name;
  ElectionOptions options;
};

TEST(ElectionOptionsTest, RefusesWhatCannotWork) {
  EXPECT_TRUE(Validate({.lease = kName, .identity = "a"}));
  for (const Invalid& row : {
           Invalid{"NoIdentity", {.lease = kName, .identity = ""}},
           Invalid{"NoName", {.lease = {}, .identity = "a"}},
           Invalid{"LeaseAsShortAsDeadline", {.lease = kName, .identity = "a", .lease_duration = 10s}},
           Invalid{"DeadlineWithinAJitteredRetry", {.lease = kName, .identity = "a", .renew_deadline = 2400ms}},
           Invalid{"NoRetryPeriod", {.lease = kName, .identity = "a", .retry_period = 0ms}},
       }) {
    const Status valid = Validate(row.options);
    ASSERT_FALSE(valid) << row.name;
    EXPECT_EQ(valid.error().code, ErrorCode::kInvalid) << row.name;
  }
}

}  // namespace
}  // namespace fumehood::kube
