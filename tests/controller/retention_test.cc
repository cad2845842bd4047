#include "controller/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "controller/resources.h"
#include "tests/controller/cluster.h"
#include "tests/fakes/fake_transport.h"

namespace fumehood::controller {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

const CommandKey kKey{{"team-a", "build"}, "uid-of-build"};

template <typename T>
bool Is(const kube::Outcome& outcome) {
  return std::holds_alternative<T>(outcome);
}

class RetentionTest : public testing::Test {
 protected:
  // A command that has just finished and is to be kept for so long.
  void PutFinished(seconds ttl) {
    json command = api::AsFinished(api::SampleCommand(), cluster_.clock.WallNow());
    command["spec"]["ttlSecondsAfterFinished"] = ttl.count();
    cluster_.server.Put(kSandboxCommands, command);
  }
  bool Exists() const { return cluster_.server.Find(kSandboxCommands, kKey.name).has_value(); }
  kube::Outcome Check() { return cluster_.retention.Check(kKey, {}); }

  Cluster cluster_;
};

TEST_F(RetentionTest, AFinishedCommandIsLookedAtSoon) {
  auto command = api::Read(api::SampleCommand());
  command.spec.ttl_after_finished = seconds(60);
  cluster_.retention.OnCommandLeft(command);
  cluster_.clock.Advance(milliseconds(4'999));
  EXPECT_FALSE(cluster_.finished.TryGet());
  cluster_.clock.Advance(milliseconds(1));
  EXPECT_EQ(cluster_.finished.TryGet(), kKey);
}

TEST_F(RetentionTest, OrWhenItsTimeIsOverIfThatIsSooner) {
  auto command = api::Read(api::SampleCommand());
  command.spec.ttl_after_finished = seconds(0);
  cluster_.retention.OnCommandLeft(command);
  EXPECT_EQ(cluster_.finished.TryGet(), kKey);
}

TEST_F(RetentionTest, WhoDoesNotLeadDeletesNothing) {
  PutFinished(seconds(0));
  cluster_.leads = false;
  EXPECT_TRUE(Is<kube::Settled>(Check()));
  cluster_.retention.SweepIfDue({});
  EXPECT_TRUE(Exists());
  EXPECT_EQ(cluster_.server.request_count(), 0);
}

TEST_F(RetentionTest, DeletesItThen) {
  PutFinished(seconds(60));
  cluster_.clock.Advance(seconds(60));
  EXPECT_TRUE(Is<kube::Settled>(Check()));
  EXPECT_FALSE(Exists());
}

TEST_F(RetentionTest, NotBeforeItsTime) {
  PutFinished(seconds(60));
  cluster_.clock.Advance(seconds(45));
  const kube::Outcome outcome = Check();
  ASSERT_TRUE(Is<kube::LookAgain>(outcome));
  EXPECT_EQ(std::get<kube::LookAgain>(outcome).after, seconds(15));
  EXPECT_TRUE(Exists());
}

TEST_F(RetentionTest, WithoutAnyTimeToLiveItIsDeletedAtOnce) {
  PutFinished(seconds(0));
  EXPECT_TRUE(Is<kube::Settled>(Check()));
  EXPECT_FALSE(Exists());
}

TEST_F(RetentionTest, ATimeThatWasChangedMeanwhileCounts) {
  PutFinished(seconds(60));
  cluster_.Change("build", {{"spec", {{"ttlSecondsAfterFinished", 600}}}});
  cluster_.clock.Advance(seconds(60));
  ASSERT_TRUE(Is<kube::LookAgain>(Check()));
  EXPECT_TRUE(Exists());
  cluster_.clock.Advance(seconds(540));
  Check();
  EXPECT_FALSE(Exists());
}

TEST_F(RetentionTest, ATimeThatIsChangedAtTheLastMomentCountsToo) {
  PutFinished(seconds(60));
  cluster_.clock.Advance(seconds(60));
  cluster_.server.BeforeNextWrite([this] { cluster_.Change("build", {{"spec", {{"ttlSecondsAfterFinished", 600}}}}); });
  EXPECT_TRUE(Is<kube::TryAgain>(Check()));
  EXPECT_TRUE(Exists());
  EXPECT_TRUE(Is<kube::LookAgain>(Check()));
}

TEST_F(RetentionTest, AnotherObjectOfTheNameIsLeftAlone) {
  json successor = api::AsFinished(api::SampleCommand(), WallTime{});
  successor["metadata"]["uid"] = "another";
  cluster_.server.Put(kSandboxCommands, successor);
  EXPECT_TRUE(Is<kube::Settled>(Check()));
  EXPECT_TRUE(Exists());
}

TEST_F(RetentionTest, ASuccessorThatComesAtTheLastMomentIsLeftAlone) {
  PutFinished(seconds(0));
  cluster_.server.BeforeNextWrite([this] {
    json successor = api::SampleCommand();
    successor["metadata"]["uid"] = "another";
    cluster_.server.Put(kSandboxCommands, successor);
  });
  EXPECT_TRUE(Is<kube::TryAgain>(Check()));
  EXPECT_TRUE(Is<kube::Settled>(Check()));
  EXPECT_TRUE(Exists());
}

TEST_F(RetentionTest, AnUnfinishedCommandIsLeftAlone) {
  cluster_.server.Put(kSandboxCommands, api::AsBound(api::SampleCommand()));
  EXPECT_TRUE(Is<kube::Settled>(Check()));
  EXPECT_TRUE(Exists());
}

TEST_F(RetentionTest, OneThatIsGoneNeedsNothing) { EXPECT_TRUE(Is<kube::Settled>(Check())); }

TEST_F(RetentionTest, AServerThatIsAwayIsTriedAgain) {
  PutFinished(seconds(0));
  cluster_.server.RefuseNext(1, 503);
  EXPECT_TRUE(Is<kube::TryAgain>(Check()));
  EXPECT_TRUE(Is<kube::Settled>(Check()));
  EXPECT_FALSE(Exists());
}

TEST_F(RetentionTest, ARequestToStopSettlesIt) {
  kube::FakeTransport transport;
  kube::Client client(transport, "fumehood-controller");
  Retention retention(
      {client, cluster_.apply, cluster_.finished, cluster_.clock, cluster_.log, cluster_.metrics, [] { return true; }});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(Is<kube::Settled>(retention.Check(kKey, stop.get_token())));
}

class SweepTest : public testing::Test {
 protected:
  Status Sweep(const json& columns, const json& rows) {
    json table = {{"kind", "Table"}, {"columnDefinitions", json::array()}, {"rows", rows}};
    for (const json& column : columns) table["columnDefinitions"].push_back({{"name", column}});
    transport_.Script({.body = table.dump()});
    return retention_.Sweep({});
  }
  static json Row(const std::string& name, const json& cells) {
    return {{"cells", cells},
            {"object", {{"metadata", {{"namespace", "team-a"}, {"name", name}, {"uid", "uid-of-" + name}}}}}};
  }
  std::string EndedAgo(seconds ago) const { return FormatMicroTime(cluster_.clock.WallNow() - ago); }
  std::string NextDue() {
    const auto key = cluster_.finished.TryGet();
    return key ? key->name.name : "";
  }

  Cluster cluster_;
  kube::FakeTransport transport_;
  kube::Client client_{transport_, "fumehood-controller"};
  Retention retention_{{client_, cluster_.apply, cluster_.finished, cluster_.clock, cluster_.log, cluster_.metrics,
                        [] { return true; }}};
};

TEST_F(SweepTest, SchedulesEachFinishedCommandByTheColumns) {
  ASSERT_TRUE(
      Sweep({"Name", "Size", "TTL", "Completed"}, {Row("later", {"later", 5'000, 3'600, EndedAgo(seconds(3'590))}),
                                                   Row("overdue", {"overdue", 5'000, 60, EndedAgo(seconds(500))})}));
  EXPECT_EQ(NextDue(), "overdue");
  EXPECT_EQ(NextDue(), "");
  cluster_.clock.Advance(seconds(10));
  EXPECT_EQ(NextDue(), "later");
}

TEST_F(SweepTest, AsksForFinishedCommandsAsATable) {
  ASSERT_TRUE(Sweep({"TTL", "Completed", "Size"}, json::array()));
  ASSERT_EQ(transport_.requests().size(), 1u);
  const auto request = transport_.requests().front();
  EXPECT_THAT(request.target, testing::StartsWith("/apis/fumehood.dev/v1alpha1/sandboxcommands?"));
  EXPECT_THAT(request.target, testing::HasSubstr("fieldSelector=status.phase%21%3D%2Cstatus.phase%21%3DPending"));
  EXPECT_THAT(request.accept, testing::HasSubstr("as=Table"));
}

TEST_F(SweepTest, RowsThatMakeNoSenseAreSkipped) {
  ASSERT_TRUE(
      Sweep({"TTL", "Completed", "Size"},
            {Row("no-cells", json::array()), Row("no-time", {60, nullptr, 1}), Row("no-date", {60, "yesterday", 1}),
             Row("no-ttl", {"60", EndedAgo(seconds(500)), 1}), Row("good", {60, EndedAgo(seconds(500)), nullptr})}));
  EXPECT_EQ(NextDue(), "good");
  EXPECT_EQ(NextDue(), "");
}

TEST_F(SweepTest, MissingColumnsAreAnErrorThatSaysWhatToDo) {
  const Status swept = Sweep({"Name", "TTL", "Completed"}, json::array());
  ASSERT_FALSE(swept);
  EXPECT_EQ(swept.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(swept.error().message, testing::HasSubstr("no printer columns Completed, TTL and Size"));
  EXPECT_THAT(swept.error().message, testing::HasSubstr("apply the CRD of this release"));
}

TEST_F(SweepTest, AServerThatIsAwayIsAnError) {
  transport_.Script({.status = 503, .body = "{}"});
  EXPECT_EQ(retention_.Sweep({}).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace fumehood::controller
