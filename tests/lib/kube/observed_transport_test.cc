#include "lib/kube/observed_transport.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_transport.h"

namespace fumehood::kube {
namespace {

using std::chrono::milliseconds;

class ObservedTransportTest : public testing::Test, public TransportObserver {
 protected:
  void OnExchange(const ObservedExchange& exchange) override { exchanges_.push_back(exchange); }

  const HttpRequest write_{.method = HttpMethod::kPatch, .traffic = TrafficClass::kWrite, .target = "/x", .body = "{}"};
  const HttpRequest watch_{.traffic = TrafficClass::kWatch, .target = "/x?watch=1"};
  FakeClock clock_;
  FakeTransport inner_;
  ObservedTransport transport_{inner_, *this, clock_};
  std::vector<ObservedExchange> exchanges_;
};

TEST_F(ObservedTransportTest, AnAnswerIsHandedOnAndTold) {
  inner_.Script({.status = 409, .body = "conflict"});
  EXPECT_EQ(transport_.Send(write_, {})->body, "conflict");
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].method, HttpMethod::kPatch);
  EXPECT_EQ(exchanges_[0].status, 409);
  EXPECT_EQ(exchanges_[0].request_bytes, 2U);
  EXPECT_EQ(exchanges_[0].response_bytes, 8U);
}

TEST_F(ObservedTransportTest, AFailureHasNoStatus) {
  inner_.Script({.failure = Error{ErrorCode::kOutcomeUnknown, "reset"}});
  EXPECT_EQ(transport_.Send(write_, {}).error().code, ErrorCode::kOutcomeUnknown);
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].status, std::nullopt);
}

TEST_F(ObservedTransportTest, AStreamIsToldOnceWhenItBegins) {
  inner_.Script({.chunks = {"a", "b"}, .failure = Error{ErrorCode::kUnavailable, "reset"}});
  std::string received;
  const auto sink = [&](std::string_view chunk) {
    EXPECT_EQ(exchanges_.size(), 1U);
    received += chunk;
    clock_.Advance(milliseconds(100));  // how long it goes on does not count
    return StreamControl::kContinue;
  };
  EXPECT_FALSE(transport_.Stream(watch_, sink, {}));
  EXPECT_EQ(received, "ab");
  ASSERT_EQ(exchanges_.size(), 1U);
  EXPECT_EQ(exchanges_[0].status, 200);
  EXPECT_EQ(exchanges_[0].duration, milliseconds(0));
}

TEST_F(ObservedTransportTest, AStreamThatNeverBeginsIsToldWhenItEnds) {
  inner_.Script({.status = 410, .body = "gone"});
  inner_.Script({.failure = Error{ErrorCode::kUnavailable, "connection refused"}});
  const auto sink = [](std::string_view) { return StreamControl::kContinue; };
  EXPECT_EQ(transport_.Stream(watch_, sink, {})->status, 410);
  EXPECT_FALSE(transport_.Stream(watch_, sink, {}));
  ASSERT_EQ(exchanges_.size(), 2U);
  EXPECT_EQ(exchanges_[0].status, 410);
  EXPECT_EQ(exchanges_[1].status, std::nullopt);
}

}  // namespace
}  // namespace fumehood::kube
