#include "controller/cluster_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::controller {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

// Writes down what it hears.
class Listener final : public ClusterListener {
 public:
  explicit Listener(std::function<bool()> synced) : synced_(std::move(synced)) {}

  void OnCommand(const api::SandboxCommand& command) override {
    heard.push_back("command " + command.metadata.name);
    synced_at_first_command = synced_at_first_command.value_or(synced_());
  }
  void OnCommandLeft(const api::SandboxCommand& last) override { heard.push_back("left " + last.metadata.name); }
  void OnSlotFreed() override { heard.push_back("slot freed"); }
  void OnExecutorLost(const std::string& node_name) override { heard.push_back("lost " + node_name); }
  void OnSupplyChanged() override { ++supply_changes; }
  void OnProblem(const Error& error) override { heard.push_back("problem " + error.message); }

  std::vector<std::string> heard;
  int supply_changes = 0;
  std::optional<bool> synced_at_first_command;

 private:
  const std::function<bool()> synced_;
};

class ClusterViewTest : public testing::Test {
 protected:
  RankedExecutors ReadyExecutors() {
    return view_.occupancy().WithExecutors([](const RankedExecutors& executors) { return executors; });
  }
  std::vector<std::string> ReadyNodes() {
    std::vector<std::string> names;
    for (const ReadyExecutor& executor : ReadyExecutors()) names.push_back(executor.node_name());
    return names;
  }
  // Whether `act` makes somebody look again at the waiting commands.
  template <typename Act>
  bool ChangesSupply(const Act& act) {
    const int before = listener_.supply_changes;
    act();
    return listener_.supply_changes != before;
  }
  // The watch shows a renewal of the lease of node-1.
  void Renew() { view_.leases_sink().Apply(api::SampleLease("node-1", clock_.WallNow())); }
  // Or of another one, which is a sign that the watch is alive.
  void ShowAnotherLease() {
    json other = api::SampleLease("node-1", clock_.WallNow());
    other["metadata"]["name"] = "fumehood-controller";
    view_.leases_sink().Apply(other);
  }
  void AddExecutor() {
    view_.nodes_sink().Apply(api::SampleNode());
    view_.executors_sink().Apply(api::SampleExecutor());
    Renew();
  }

  FakeClock clock_;
  Listener listener_{[this] { return view_.synced(); }};
  ClusterView view_{clock_, listener_};
};

TEST_F(ClusterViewTest, IsSyncedOnceEveryKindWasListed) {
  view_.commands_sink().Replace({});
  view_.executors_sink().Replace({});
  view_.runtime_classes_sink().Replace({});
  EXPECT_FALSE(view_.synced());
  view_.nodes_sink().Replace({});
  EXPECT_FALSE(view_.synced());
  view_.leases_sink().Replace({});
  EXPECT_TRUE(view_.synced());
}

TEST_F(ClusterViewTest, IsNotSyncedBeforeEveryListedCommandIsCounted) {
  view_.executors_sink().Replace({});
  view_.runtime_classes_sink().Replace({});
  view_.nodes_sink().Replace({});
  view_.leases_sink().Replace({});
  view_.commands_sink().Replace({api::SampleCommand("a"), api::AsBound(api::SampleCommand("b"))});
  EXPECT_EQ(listener_.synced_at_first_command, false);
  EXPECT_TRUE(view_.synced());
}

TEST_F(ClusterViewTest, AnExecutorIsReadyOnceItsNodeExists) {
  view_.executors_sink().Apply(api::SampleExecutor("node-1", 3));
  Renew();
  EXPECT_THAT(ReadyNodes(), IsEmpty());
  EXPECT_TRUE(ChangesSupply([&] { view_.nodes_sink().Apply(api::SampleNode("node-1", {{"disk", "fast"}})); }));
  const auto ready = ReadyExecutors();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready.begin()->node_name(), "node-1");
  EXPECT_EQ(ready.begin()->slots(), 3);
  EXPECT_EQ(ready.begin()->free_slots(), 3);
  EXPECT_EQ(ready.begin()->node->metadata.labels.at("disk"), "fast");
}

TEST_F(ClusterViewTest, AnExecutorThatIsNotReadyIsLeftOut) {
  AddExecutor();
  json stopping = api::SampleExecutor();
  stopping["status"]["conditions"][0]["status"] = "False";
  EXPECT_TRUE(ChangesSupply([&] { view_.executors_sink().Apply(stopping); }));
  EXPECT_THAT(ReadyNodes(), IsEmpty());
}

TEST_F(ClusterViewTest, AnExecutorWithoutConditionsIsLeftOut) {
  view_.nodes_sink().Apply(api::SampleNode());
  json fresh = api::SampleExecutor();
  fresh["status"].erase("conditions");
  view_.executors_sink().Apply(fresh);
  Renew();
  EXPECT_THAT(ReadyNodes(), IsEmpty());
}

TEST_F(ClusterViewTest, AnExecutorWithoutALeaseIsLeftOut) {
  view_.nodes_sink().Apply(api::SampleNode());
  view_.executors_sink().Apply(api::SampleExecutor());
  EXPECT_THAT(ReadyNodes(), IsEmpty());
  EXPECT_TRUE(ChangesSupply([&] { Renew(); }));
  EXPECT_THAT(ReadyNodes(), ElementsAre("node-1"));
}

TEST_F(ClusterViewTest, AnExecutorWhoseLeaseHasRunOutIsLeftOut) {
  AddExecutor();
  clock_.Advance(seconds(40));
  ShowAnotherLease();
  EXPECT_THAT(ReadyNodes(), IsEmpty());
}

TEST_F(ClusterViewTest, ARenewalAloneIsNoNewsUnlessTheExecutorWasLost) {
  AddExecutor();
  clock_.Advance(seconds(10));
  EXPECT_FALSE(ChangesSupply([&] { Renew(); }));
  clock_.Advance(seconds(40));
  ShowAnotherLease();
  EXPECT_TRUE(ChangesSupply([&] { Renew(); }));
  EXPECT_THAT(ReadyNodes(), ElementsAre("node-1"));
}

TEST_F(ClusterViewTest, TellsOnceThatAnExecutorIsLost) {
  AddExecutor();
  view_.commands_sink().Apply(api::AsBound(api::SampleCommand()));
  listener_.heard.clear();
  clock_.Advance(seconds(40));
  view_.NoticeLosses();
  EXPECT_THAT(listener_.heard, IsEmpty()) << "the watch has not shown anything since";
  ShowAnotherLease();
  view_.NoticeLosses();
  view_.NoticeLosses();
  EXPECT_THAT(listener_.heard, ElementsAre("lost node-1"));
  EXPECT_EQ(view_.LivenessOfBound(*view_.FindCommand({{"team-a", "build"}, "uid-of-build"})), Liveness::kLost);
}

TEST_F(ClusterViewTest, AnExecutorThatNeverShowsALeaseIsLostWithWhatIsBoundToIt) {
  view_.commands_sink().Apply(api::AsBound(api::SampleCommand()));
  listener_.heard.clear();
  clock_.Advance(seconds(40));
  ShowAnotherLease();
  view_.NoticeLosses();
  EXPECT_THAT(listener_.heard, ElementsAre("lost node-1"));
}

TEST_F(ClusterViewTest, AfterAnInterruptionNobodyIsLostByIt) {
  AddExecutor();
  clock_.Advance(seconds(600));
  view_.leases_sink().OnConnected();
  ShowAnotherLease();
  EXPECT_THAT(ReadyNodes(), ElementsAre("node-1"));
  clock_.Advance(seconds(40));
  ShowAnotherLease();
  EXPECT_THAT(ReadyNodes(), IsEmpty());
}

TEST_F(ClusterViewTest, AListAfterAnInterruptionLosesNobody) {
  AddExecutor();
  view_.commands_sink().Apply(api::AsBound(api::SampleCommand()));
  const json unchanged = api::SampleLease("node-1", clock_.WallNow());
  listener_.heard.clear();
  clock_.Advance(seconds(600));
  view_.leases_sink().Replace({unchanged, api::SampleLease("node-2", clock_.WallNow())});
  view_.NoticeLosses();
  EXPECT_THAT(listener_.heard, IsEmpty());
  EXPECT_THAT(ReadyNodes(), ElementsAre("node-1"));
}

TEST_F(ClusterViewTest, AChangedOfferIsNews) {
  view_.executors_sink().Apply(api::SampleExecutor("node-1", 2));
  EXPECT_TRUE(ChangesSupply([&] { view_.executors_sink().Apply(api::SampleExecutor("node-1", 3)); }));
  json with_image = api::SampleExecutor("node-1", 3);
  with_image["status"]["images"].push_back({{"name", "go"}});
  EXPECT_TRUE(ChangesSupply([&] { view_.executors_sink().Apply(with_image); }));
}

TEST_F(ClusterViewTest, AnExecutorThatIsGoneIsLeftOut) {
  AddExecutor();
  EXPECT_TRUE(ChangesSupply([&] { view_.executors_sink().Remove(api::SampleExecutor()); }));
  EXPECT_THAT(ReadyNodes(), IsEmpty());
}

TEST_F(ClusterViewTest, AnExecutorWhoseNodeIsGoneIsLeftOut) {
  AddExecutor();
  view_.nodes_sink().Remove(api::SampleNode());
  EXPECT_THAT(ReadyNodes(), IsEmpty());
}

TEST_F(ClusterViewTest, AnExecutorThatChangesIsTakenAsItIsNow) {
  AddExecutor();
  view_.commands_sink().Apply(api::AsBound(api::SampleCommand()));
  view_.executors_sink().Apply(api::SampleExecutor("node-1", 7));
  view_.nodes_sink().Apply(api::SampleNode("node-1", {{"disk", "fast"}}));
  const auto ready = ReadyExecutors();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready.begin()->free_slots(), 6);
  EXPECT_EQ(ready.begin()->node->metadata.labels.at("disk"), "fast");
}

TEST_F(ClusterViewTest, WhoWasLostBeforeAnInterruptionIsThereAgainAfterIt) {
  AddExecutor();
  clock_.Advance(seconds(40));
  ShowAnotherLease();
  EXPECT_THAT(ReadyNodes(), IsEmpty());
  view_.leases_sink().OnConnected();
  EXPECT_TRUE(ChangesSupply([&] { ShowAnotherLease(); }));
  EXPECT_THAT(ReadyNodes(), ElementsAre("node-1"));
}

TEST_F(ClusterViewTest, AnExecutorWhoseLeaseIsDeletedIsLeftOut) {
  AddExecutor();
  view_.leases_sink().Remove(api::SampleLease("node-1", clock_.WallNow()));
  EXPECT_THAT(ReadyNodes(), IsEmpty());
}

TEST_F(ClusterViewTest, OfANodeOnlyItsLabelsAreNews) {
  view_.nodes_sink().Apply(api::SampleNode("node-1", {{"disk", "slow"}}));
  json heartbeat = api::SampleNode("node-1", {{"disk", "slow"}});
  heartbeat["status"] = {{"conditions", json::array()}};
  EXPECT_FALSE(ChangesSupply([&] { view_.nodes_sink().Apply(heartbeat); }));
  EXPECT_TRUE(ChangesSupply([&] { view_.nodes_sink().Apply(api::SampleNode("node-1", {{"disk", "fast"}})); }));
}

TEST_F(ClusterViewTest, ARuntimeClassIsNewsAndFound) {
  EXPECT_TRUE(ChangesSupply([&] { view_.runtime_classes_sink().Apply(api::SampleRuntimeClass()); }));
  ASSERT_TRUE(view_.FindRuntimeClass("gvisor"));
  EXPECT_EQ(view_.FindRuntimeClass("gvisor")->handler, "runsc");
  EXPECT_FALSE(view_.FindRuntimeClass("kata"));
}

TEST_F(ClusterViewTest, CountsTheCommandsOfEachExecutor) {
  AddExecutor();
  view_.commands_sink().Apply(api::AsBound(api::SampleCommand()));
  EXPECT_EQ(ReadyExecutors().begin()->free_slots(), 1);
}

TEST_F(ClusterViewTest, TellsWhenACommandLeavesAndWhenThatFreesASlot) {
  view_.commands_sink().Apply(api::SampleCommand("waiting"));
  view_.commands_sink().Apply(api::AsBound(api::SampleCommand("bound")));
  view_.commands_sink().Remove(api::SampleCommand("waiting"));
  view_.commands_sink().Remove(api::AsBound(api::SampleCommand("bound")));
  EXPECT_THAT(listener_.heard,
              ElementsAre("command waiting", "command bound", "left waiting", "left bound", "slot freed"));
}

TEST_F(ClusterViewTest, AHandedBackCommandFreesASlot) {
  view_.commands_sink().Apply(api::AsBound(api::SampleCommand()));
  view_.commands_sink().Apply(api::AsHandedBack(api::SampleCommand()));
  EXPECT_THAT(listener_.heard, ElementsAre("command build", "command build", "slot freed"));
}

TEST_F(ClusterViewTest, FindsACommandOnlyUnderItsOwnUid) {
  view_.commands_sink().Apply(api::SampleCommand());
  EXPECT_TRUE(view_.FindCommand({{"team-a", "build"}, "uid-of-build"}));
  EXPECT_FALSE(view_.FindCommand({{"team-a", "build"}, "another"}));
  EXPECT_FALSE(view_.FindCommand({{"team-b", "build"}, "uid-of-build"}));
}

TEST_F(ClusterViewTest, AnUnreadableObjectIsAProblemOfItsOwn) {
  view_.commands_sink().Replace({json{{"kind", "SandboxCommand"}}, api::SampleCommand()});
  EXPECT_THAT(listener_.heard, ElementsAre(testing::StartsWith("problem "), "command build"));
}

}  // namespace
}  // namespace fumehood::controller
