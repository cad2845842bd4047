#include "lib/kube/lease.h"

#include <gtest/gtest.h>

#include "lib/kube/store.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_transport.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

static_assert(ApiObject<Lease>);

const ObjectName kName{"system", "controller"};

Json SomebodysLease() {
  return Json::parse(R"({
    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
    "metadata": {"namespace": "system", "name": "controller", "uid": "u1", "resourceVersion": "7",
                 "labels": {"team": "a"}, "ownerReferences": [{"kind": "Node", "name": "n1"}]},
    "spec": {"holderIdentity": "pod-1", "leaseDurationSeconds": 15, "acquireTime": "2026-01-31T10:00:00.000001Z",
             "renewTime": "2026-01-31T10:00:07.250000Z", "leaseTransitions": 3, "strategy": "OldestEmulationVersion"}})");
}

TEST(LeaseTest, ReadsWhatItSays) {
  const auto lease = ReadLease(SomebodysLease());
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(lease->metadata.ns, "system");
  EXPECT_EQ(lease->metadata.name, "controller");
  EXPECT_EQ(lease->metadata.uid, "u1");
  EXPECT_EQ(lease->metadata.resource_version, "7");
  EXPECT_EQ(lease->holder_identity, "pod-1");
  EXPECT_EQ(lease->duration, 15s);
  EXPECT_EQ(*lease->renew_time - *lease->acquire_time, 7'249'999us);
  EXPECT_EQ(lease->transitions, 3);
}

TEST(LeaseTest, TheRecordAloneIsTheSameRecord) {
  const auto record = ReadLeaseRecord(SomebodysLease());
  ASSERT_TRUE(record);
  EXPECT_TRUE(SameRecord(*record, *ReadLease(SomebodysLease())));
  EXPECT_EQ(record->object, Json::object());
}

TEST(LeaseTest, IsWrittenBackAsItWasRead) { EXPECT_EQ(ToJson(*ReadLease(SomebodysLease())), SomebodysLease()); }

TEST(LeaseTest, FieldsThatAreMissingOrMeaninglessReadAsNone) {
  const auto lease = ReadLease(Json::parse(
      R"({"metadata": {"name": "a", "uid": "u"}, "spec": {"leaseDurationSeconds": "15", "renewTime": "now"}})"));
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->holder_identity, "");
  EXPECT_EQ(lease->duration, std::nullopt);
  EXPECT_EQ(lease->renew_time, std::nullopt);
  EXPECT_EQ(lease->transitions, 0);
}

TEST(LeaseTest, AnObjectWithoutANameOrAUidIsNone) {
  EXPECT_EQ(ReadLease(Json::parse(R"({"metadata": {"uid": "u"}})")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(ReadLease(Json::parse(R"({"metadata": {"name": "a"}})")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(ReadLease(Json::parse("7")).error().code, ErrorCode::kInvalid);
}

TEST(LeaseTest, IsWrittenOnlyOverTheVersionThatWasRead) {
  FakeApiServer server;
  Client client(server, "test");
  auto created = CreateLease(client, {.metadata = {.ns = "system", .name = "controller"}, .holder_identity = "a"}, {});
  ASSERT_TRUE(created) << created.error().message;
  Lease mine = *created;
  mine.holder_identity = "b";
  const auto updated = UpdateLease(client, mine, {});
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_EQ(updated->holder_identity, "b");
  EXPECT_EQ(UpdateLease(client, mine, {}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(GetLease(client, kName, {})->metadata.resource_version, updated->metadata.resource_version);
}

TEST(LeaseTest, EachCallGoesOverConnectionsOfItsOwnAndEndsInTime) {
  FakeTransport transport;
  Client client = Client(transport, "test").WithTimeLimit(1234ms);
  const Lease lease = *ReadLease(SomebodysLease());
  for (int i = 0; i < 3; ++i) transport.Script({.body = SomebodysLease().dump()});
  ASSERT_TRUE(GetLease(client, kName, {}));
  ASSERT_TRUE(CreateLease(client, lease, {}));
  ASSERT_TRUE(UpdateLease(client, lease, {}));
  for (const HttpRequest& request : transport.requests()) {
    EXPECT_EQ(request.traffic, TrafficClass::kLease) << request.target;
    EXPECT_EQ(request.timeout, 1234ms) << request.target;
  }
}

TEST(LeaseTest, EveryRenewalIsAChange) {
  const FakeClock stopped;
  Lease lease = *ReadLease(SomebodysLease());
  lease.renew_time = NextRenewTime(lease, stopped.WallNow());
  const Lease before = *ReadLease(ToJson(lease));
  EXPECT_TRUE(SameRecord(before, lease));
  lease.renew_time = NextRenewTime(lease, stopped.WallNow());
  EXPECT_FALSE(SameRecord(before, *ReadLease(ToJson(lease))));
}

TEST(LeaseTest, ALeaseMadeAnewIsAnotherOne) {
  const Lease lease = *ReadLease(SomebodysLease());
  Lease successor = lease;
  successor.metadata.uid = "u2";
  EXPECT_FALSE(SameRecord(lease, successor));
  Lease labelled = lease;
  labelled.metadata.resource_version = "8";
  EXPECT_TRUE(SameRecord(lease, labelled));
}

}  // namespace
}  // namespace fumehood::kube
