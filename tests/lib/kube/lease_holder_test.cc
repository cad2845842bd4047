#include "lib/kube/lease_holder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

const ObjectName kName{"system", "node-1"};

Json LeaseOf(const std::string& holder) {
  return {{"metadata", {{"namespace", kName.ns}, {"name", kName.name}, {"labels", {{"kept", "yes"}}}}},
          {"spec", {{"holderIdentity", holder}, {"leaseTransitions", 4}, {"leaseDurationSeconds", 40}}}};
}

// Renews and tries again without waiting.
LeaseHolderOptions OptionsOf(Json metadata) {
  return {.lease = kName,
          .identity = "us",
          .metadata = std::move(metadata),
          .lease_duration = 40s,
          .renew_period = 1ms,
          .safety_margin = 5s,
          .retry = {.initial = 1ms, .max = 1ms}};
}

class LeaseHolderTest : public testing::Test {
 protected:
  std::unique_ptr<LeaseHolder> Start(Json metadata = Json::object()) {
    auto holder = LeaseHolder::Create(client_, clock_, OptionsOf(std::move(metadata)),
                                      {.on_lost = [this](const std::string& rival) { lost_.set_value(rival); },
                                       .on_problem = [this](const Error&) { ++problems_; }});
    EXPECT_TRUE(holder) << holder.error().message;
    return std::move(*holder);
  }
  Lease Now() const { return ReadLease(*server_.Find(kLeases, kName)).value(); }
  bool WaitUntilHeld(const LeaseHolder& holder) const {
    return server_.WaitUntil([&] { return holder.IsHeld(); });
  }
  std::string WaitUntilLost() {
    auto lost = lost_.get_future();
    return lost.wait_for(10s) == std::future_status::ready ? lost.get() : "not lost";
  }

  FakeClock clock_;
  FakeApiServer server_;
  Client client_{server_, "test"};
  std::promise<std::string> lost_;
  std::atomic<int> problems_ = 0;
};

TEST_F(LeaseHolderTest, MakesTheLeaseWhereThereIsNone) {
  const auto holder = Start({{"ownerReferences", {{{"kind", "Node"}, {"name", "node-1"}}}}});
  ASSERT_TRUE(WaitUntilHeld(*holder));
  const Lease lease = Now();
  EXPECT_EQ(lease.holder_identity, "us");
  EXPECT_EQ(lease.duration, 40s);
  EXPECT_EQ(lease.transitions, 0);
  EXPECT_EQ(lease.acquire_time, clock_.WallNow());
  EXPECT_EQ(lease.object["metadata"]["ownerReferences"][0]["name"], "node-1");
}

TEST_F(LeaseHolderTest, TakesTheLeaseOverFromItsPredecessor) {
  server_.Put(kLeases, LeaseOf("before"));
  const auto holder = Start();
  ASSERT_TRUE(WaitUntilHeld(*holder));
  EXPECT_EQ(Now().holder_identity, "us");
  EXPECT_EQ(Now().transitions, 5);
  EXPECT_EQ(Now().object["metadata"]["labels"]["kept"], "yes");
}

TEST_F(LeaseHolderTest, RenewsIt) {
  const auto holder = Start();
  ASSERT_TRUE(WaitUntilHeld(*holder));
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(30s);
    ASSERT_TRUE(server_.WaitUntil([&] { return Now().renew_time >= clock_.WallNow(); }));
    ASSERT_TRUE(WaitUntilHeld(*holder));
  }
  EXPECT_EQ(Now().transitions, 0);
}

// Hands requests on until one write has been answered, which takes long; nothing gets through after it.
class OneLateAnswer final : public HttpTransport {
 public:
  OneLateAnswer(FakeApiServer& server, FakeClock& clock) : server_(server), clock_(clock) {}

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) override {
    if (answered_) return Fail(ErrorCode::kUnavailable, "nothing gets through");
    auto answer = server_.Send(request, stop);
    if (request.method != HttpMethod::kGet) {
      answered_ = true;
      clock_.Advance(30s);
    }
    return answer;
  }
  Result<HttpResponse> Stream(const HttpRequest&, const ChunkSink&, std::stop_token) override {
    return Fail(ErrorCode::kInternal, "no streams here");
  }

 private:
  FakeApiServer& server_;
  FakeClock& clock_;
  std::atomic<bool> answered_ = false;
};

TEST_F(LeaseHolderTest, CountsFromWhenTheRenewalWasSent) {
  OneLateAnswer transport(server_, clock_);
  Client client(transport, "test");
  std::promise<void> failed;
  std::atomic<bool> told = false;
  const auto holder = LeaseHolder::Create(client, clock_, OptionsOf(Json::object()),
                                          {.on_lost = [](const std::string&) {},
                                           .on_problem =
                                               [&](const Error&) {
                                                 if (!told.exchange(true)) failed.set_value();
                                               }});
  ASSERT_TRUE(holder) << holder.error().message;
  failed.get_future().wait();
  clock_.Advance(5s - 1ms);  // 35 s after the only renewal was sent, 5 s after it was answered
  EXPECT_TRUE((*holder)->IsHeld());
  clock_.Advance(1ms);
  EXPECT_FALSE((*holder)->IsHeld());
}

struct Failure {
  const char* name;
  int status;
};

TEST_F(LeaseHolderTest, NoFailedRenewalExtendsIt) {
  const auto holder = Start();
  for (const Failure& row : {Failure{"NotDone", 503}, Failure{"OutcomeUnknown", 500}, Failure{"Forbidden", 403}}) {
    SCOPED_TRACE(row.name);
    ASSERT_TRUE(WaitUntilHeld(*holder));
    server_.RefuseNext(1'000'000, row.status);
    const int before = problems_;
    ASSERT_TRUE(server_.WaitUntil([&] { return problems_ > before; }));
    clock_.Advance(30s);
    EXPECT_TRUE(holder->IsHeld());
    const int later = problems_;
    ASSERT_TRUE(server_.WaitUntil([&] { return problems_ > later; }));
    clock_.Advance(5s);
    EXPECT_FALSE(holder->IsHeld());
    server_.RefuseNext(0, 0);
  }
  EXPECT_TRUE(WaitUntilHeld(*holder));  // the next success brings it back
}

TEST_F(LeaseHolderTest, AWriteWhoseAnswerIsLostIsReadBack) {
  server_.LoseNextAnswers(3);
  const auto holder = Start();
  ASSERT_TRUE(WaitUntilHeld(*holder));
  EXPECT_EQ(Now().holder_identity, "us");
  EXPECT_EQ(Now().transitions, 0);
}

TEST_F(LeaseHolderTest, ARivalThatComesLaterIsRight) {
  const auto holder = Start();
  ASSERT_TRUE(WaitUntilHeld(*holder));
  const Json rival = server_.Put(kLeases, LeaseOf("rival"));
  EXPECT_EQ(WaitUntilLost(), "rival");
  EXPECT_FALSE(holder->IsHeld());
  EXPECT_EQ(server_.Find(kLeases, kName), rival);
}

TEST_F(LeaseHolderTest, ANewcomerIsNotOverwrittenEvenBeforeWeHeldTheLease) {
  server_.Put(kLeases, LeaseOf("before"));
  server_.BeforeNextWrite([this] { server_.Put(kLeases, LeaseOf("newcomer")); });
  const auto holder = Start();
  EXPECT_EQ(WaitUntilLost(), "newcomer");
  EXPECT_EQ(Now().holder_identity, "newcomer");
}

TEST_F(LeaseHolderTest, ADeletedLeaseIsMadeAnew) {
  const auto holder = Start();
  ASSERT_TRUE(WaitUntilHeld(*holder));
  server_.Erase(kLeases, kName);
  ASSERT_TRUE(server_.WaitUntil([&] { return server_.Find(kLeases, kName).has_value(); }));
  EXPECT_EQ(Now().holder_identity, "us");
  EXPECT_TRUE(holder->IsHeld());
}

TEST_F(LeaseHolderTest, SomebodyMayLabelTheLease) {
  const auto holder = Start();
  ASSERT_TRUE(WaitUntilHeld(*holder));
  Json labelled = *server_.Find(kLeases, kName);
  labelled["metadata"]["labels"]["kept"] = "yes";
  server_.Put(kLeases, labelled);
  clock_.Advance(1s);
  ASSERT_TRUE(server_.WaitUntil([&] { return Now().renew_time >= clock_.WallNow(); }));
  EXPECT_EQ(Now().object["metadata"]["labels"]["kept"], "yes");
}

TEST_F(LeaseHolderTest, RefusesOptionsThatCannotHold) {
  struct Row {
    const char* name;
    LeaseHolderOptions options;
  };
  for (const Row& row : {Row{"NoIdentity", {.lease = kName, .identity = ""}},
                         Row{"NoPeriod", {.lease = kName, .identity = "us", .renew_period = 0ms}},
                         Row{"NegativeMargin", {.lease = kName, .identity = "us", .safety_margin = -1ms}},
                         Row{"TooLong", {.lease = kName, .identity = "us", .renew_period = 35s}}}) {
    const auto holder = LeaseHolder::Create(client_, clock_, row.options, {});
    ASSERT_FALSE(holder) << row.name;
    EXPECT_EQ(holder.error().code, ErrorCode::kInvalid) << row.name;
  }
  EXPECT_EQ(server_.request_count(), 0);
}

}  // namespace
}  // namespace fumehood::kube
