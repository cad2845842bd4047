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
  std::vector<std::string> ReadyNodes() const {
    std::vector<std::string> names;
    for (const ReadyExecutor& executor : view_.ReadyExecutors()) names.push_back(executor.node_name());
    return names;
  }
  // Whether `act` makes somebody look again at the waiting commands.
  template <typename Act>
  bool ChangesSupply(const Act& act) {
    const int before = listener_.supply_changes;
    act();
    return listener_.supply_changes != before;
  }
  static json WithHeartbeat(json executor, const std::string& time) {
    executor["status"]["heartbeatTime"] = time;
    return executor;
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
  EXPECT_TRUE(view_.synced());
}

TEST_F(ClusterViewTest, IsNotSyncedBeforeEveryListedCommandIsCounted) {
  view_.executors_sink().Replace({});
  view_.runtime_classes_sink().Replace({});
  view_.nodes_sink().Replace({});
  view_.commands_sink().Replace({api::SampleCommand("a"), api::AsBound(api::SampleCommand("b"))});
  EXPECT_EQ(listener_.synced_at_first_command, false);
  EXPECT_TRUE(view_.synced());
}

TEST_F(ClusterViewTest, AnExecutorIsReadyOnceItsNodeExists) {
  view_.executors_sink().Apply(api::SampleExecutor("node-1", 3));
  EXPECT_THAT(ReadyNodes(), IsEmpty());
  EXPECT_TRUE(ChangesSupply([&] { view_.nodes_sink().Apply(api::SampleNode("node-1", {{"disk", "fast"}})); }));
  const auto ready = view_.ReadyExecutors();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].node_name(), "node-1");
  EXPECT_EQ(ready[0].slots(), 3);
  EXPECT_EQ(ready[0].free_slots(), 3);
  EXPECT_EQ(ready[0].node->metadata.labels.at("disk"), "fast");
}

TEST_F(ClusterViewTest, AnExecutorThatIsNotReadyIsLeftOut) {
  view_.nodes_sink().Apply(api::SampleNode());
  view_.executors_sink().Apply(api::SampleExecutor());
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
  EXPECT_THAT(ReadyNodes(), IsEmpty());
}

TEST_F(ClusterViewTest, ASilentExecutorIsLeftOut) {
  view_.nodes_sink().Apply(api::SampleNode());
  view_.executors_sink().Apply(api::SampleExecutor());
  clock_.Advance(seconds(39));
  EXPECT_THAT(ReadyNodes(), ElementsAre("node-1"));
  clock_.Advance(seconds(1));
  EXPECT_THAT(ReadyNodes(), IsEmpty());
}

TEST_F(ClusterViewTest, AHeartbeatAloneIsNoNewsUnlessTheExecutorWasSilent) {
  view_.nodes_sink().Apply(api::SampleNode());
  view_.executors_sink().Apply(api::SampleExecutor());
  const json second = WithHeartbeat(api::SampleExecutor(), "2024-01-01T00:00:10.000000Z");
  EXPECT_FALSE(ChangesSupply([&] { view_.executors_sink().Apply(second); }));
  clock_.Advance(seconds(40));
  const json third = WithHeartbeat(api::SampleExecutor(), "2024-01-01T00:00:50.000000Z");
  EXPECT_TRUE(ChangesSupply([&] { view_.executors_sink().Apply(third); }));
  EXPECT_THAT(ReadyNodes(), ElementsAre("node-1"));
}

TEST_F(ClusterViewTest, AChangedOfferIsNews) {
  view_.executors_sink().Apply(api::SampleExecutor("node-1", 2));
  EXPECT_TRUE(ChangesSupply([&] { view_.executors_sink().Apply(api::SampleExecutor("node-1", 3)); }));
  json with_image = api::SampleExecutor("node-1", 3);
  with_image["status"]["images"].push_back({{"name", "go"}});
  EXPECT_TRUE(ChangesSupply([&] { view_.executors_sink().Apply(with_image); }));
}

TEST_F(ClusterViewTest, AfterANewListNobodyIsSilentByDefault) {
  view_.nodes_sink().Apply(api::SampleNode());
  view_.executors_sink().Apply(api::SampleExecutor());
  clock_.Advance(seconds(600));
  view_.executors_sink().Replace({api::SampleExecutor()});
  EXPECT_THAT(ReadyNodes(), ElementsAre("node-1"));
  clock_.Advance(seconds(40));
  EXPECT_THAT(ReadyNodes(), IsEmpty());
}

TEST_F(ClusterViewTest, AnExecutorThatIsGoneIsLeftOut) {
  view_.nodes_sink().Apply(api::SampleNode());
  view_.executors_sink().Apply(api::SampleExecutor());
  EXPECT_TRUE(ChangesSupply([&] { view_.executors_sink().Remove(api::SampleExecutor()); }));
  EXPECT_THAT(ReadyNodes(), IsEmpty());
}

TEST_F(ClusterViewTest, AnExecutorWhoseNodeIsGoneIsLeftOut) {
  view_.nodes_sink().Apply(api::SampleNode());
  view_.executors_sink().Apply(api::SampleExecutor());
  view_.nodes_sink().Remove(api::SampleNode());
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
  view_.nodes_sink().Apply(api::SampleNode());
  view_.executors_sink().Apply(api::SampleExecutor("node-1", 2));
  view_.commands_sink().Apply(api::AsBound(api::SampleCommand()));
  EXPECT_EQ(view_.ReadyExecutors().at(0).free_slots(), 1);
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
