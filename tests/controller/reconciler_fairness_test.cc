// Who gets a slot when there are fewer than commands: by priority, by turns, within quotas.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controller/resources.h"
#include "lib/api/names.h"
#include "tests/controller/cluster.h"

namespace fumehood::controller {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class FairnessTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.ListEverything();
    cluster_.AddExecutor("node-1", 1);
    cluster_.Work();
  }

  void Create(const std::string& ns, const std::string& name, int64_t priority = 0) {
    auto command = api::SampleCommand(name);
    command["metadata"]["namespace"] = ns;
    command["metadata"]["uid"] = "uid-of-" + ns + "-" + name;
    command["spec"]["priority"] = priority;
    cluster_.Create(command);
    created_.push_back(ns + "/" + name);
    cluster_.Work();
  }
  // Those that are bound, by name.
  std::vector<std::string> Bound() const {
    std::vector<std::string> bound;
    for (const std::string& name : created_) {
      if (!cluster_.NodeOf(name).empty()) bound.push_back(name);
    }
    return bound;
  }
  void Finish(const std::string& name) {
    cluster_.Finish(name);
    cluster_.Show(name);
    cluster_.Work();
  }
  // Ends whatever has the only slot, again and again; who had it, in this order.
  std::vector<std::string> FinishAll() {
    std::vector<std::string> order;
    for (auto bound = Bound(); bound.size() == 1; bound = Bound()) {
      order.push_back(bound.front());
      cluster_.Show(bound.front());
      Finish(bound.front());
    }
    EXPECT_THAT(Bound(), IsEmpty());
    return order;
  }
  std::string Says(const std::string& name) const {
    const auto command = cluster_.Get(name);
    const auto* scheduled = api::FindCondition(command.status.conditions, api::condition::kScheduled);
    return scheduled == nullptr ? "" : scheduled->reason;
  }

  Cluster cluster_;
  std::vector<std::string> created_;
};

TEST_F(FairnessTest, NamespacesTakeTurns) {
  for (const char* name : {"1", "2", "3", "4"}) Create("team-a", name);
  for (const char* name : {"1", "2"}) Create("team-b", name);
  EXPECT_THAT(FinishAll(), ElementsAre("team-a/1", "team-a/2", "team-b/1", "team-a/3", "team-b/2", "team-a/4"));
}

TEST_F(FairnessTest, TheHigherPriorityComesFirst) {
  Create("team-a", "running");
  Create("team-a", "low", -1);
  Create("team-a", "ordinary");
  Create("team-b", "high", 5);
  EXPECT_THAT(FinishAll(), ElementsAre("team-a/running", "team-b/high", "team-a/ordinary", "team-a/low"));
}

TEST_F(FairnessTest, APriorityAboveTheMaximumIsWorthTheMaximum) {
  api::Configuration::Parts parts;
  parts.namespaces = {{.name = "team-b", .rules = {}}};
  parts.namespaces[0].rules.max_priority = 0;
  cluster_.Configure(std::move(parts));
  Create("team-a", "running");
  Create("team-a", "first");
  Create("team-b", "pushy", 1'000);
  EXPECT_THAT(FinishAll(), ElementsAre("team-a/running", "team-a/first", "team-b/pushy"));
}

TEST_F(FairnessTest, WhoComesWhileASlotIsFreedDoesNotOvertakeWhoWaits) {
  Create("team-a", "running");
  Create("team-a", "waiting");
  // The new one is looked at before whoever the freed slot has woken.
  cluster_.Finish("team-a/running");
  auto late = api::SampleCommand("late");
  cluster_.Create(late);
  created_.push_back("team-a/late");
  cluster_.Show("team-a/running");
  cluster_.Work();
  EXPECT_THAT(Bound(), ElementsAre("team-a/waiting"));
}

TEST_F(FairnessTest, WhoFitsIsNotHeldUpByWhoDoesNot) {
  Create("team-a", "running");
  auto misfit = api::SampleCommand("misfit");
  misfit["spec"]["nodeSelector"] = {{"disk", "fast"}};
  misfit["spec"]["priority"] = 9;
  cluster_.Create(misfit);
  cluster_.Work();
  Create("team-a", "fits");
  EXPECT_THAT(FinishAll(), ElementsAre("team-a/running", "team-a/fits"));
}

TEST_F(FairnessTest, WhoWaitsForABusyNodeDoesNotHoldUpTheOthers) {
  cluster_.view.nodes_sink().Apply(api::SampleNode("node-2", {{"disk", "fast"}}));
  cluster_.view.executors_sink().Apply(api::SampleExecutor("node-2", 1));
  cluster_.Renew("node-2");
  cluster_.Create(api::AsBound(api::SampleCommand("on-2"), "node-2"));
  Create("team-a", "on-1");
  auto choosy = api::SampleCommand("choosy");
  choosy["spec"]["nodeSelector"] = {{"disk", "fast"}};
  choosy["spec"]["priority"] = 9;
  cluster_.Create(choosy);
  cluster_.Work();
  Create("team-b", "modest");
  cluster_.Show("team-a/on-1");
  Finish("team-a/on-1");
  EXPECT_EQ(cluster_.NodeOf("team-b/modest"), "node-1");
  EXPECT_EQ(cluster_.NodeOf("choosy"), "");
  Finish("on-2");
  EXPECT_EQ(cluster_.NodeOf("choosy"), "node-2");
}

TEST_F(FairnessTest, BeyondItsQuotaANamespaceWaitsAndSaysSo) {
  cluster_.AddExecutor("node-2", 4);
  api::Configuration::Parts parts;
  parts.otherwise.max_running = 2;
  cluster_.Configure(std::move(parts));
  for (const char* name : {"1", "2", "3", "4"}) Create("team-a", name);
  Create("team-b", "1");
  EXPECT_THAT(Bound(), ElementsAre("team-a/1", "team-a/2", "team-b/1"));
  cluster_.Advance(seconds(1));
  EXPECT_EQ(Says("team-a/3"), "QuotaExceeded");
  for (const char* name : {"team-a/3", "team-a/4"}) cluster_.Show(name);
  cluster_.Show("team-a/1");
  Finish("team-a/1");
  EXPECT_THAT(Bound(), ElementsAre("team-a/2", "team-a/3", "team-b/1"));
}

TEST_F(FairnessTest, AHigherQuotaLetsThoseStartWhoWaitedForIt) {
  cluster_.AddExecutor("node-2", 4);
  api::Configuration::Parts parts;
  parts.otherwise.max_running = 0;
  cluster_.Configure(parts);
  Create("team-a", "1");
  EXPECT_THAT(Bound(), IsEmpty());
  parts.otherwise.max_running = 1;
  cluster_.Configure(parts);
  cluster_.Work();
  EXPECT_THAT(Bound(), ElementsAre("team-a/1"));
}

TEST_F(FairnessTest, ABindThatIsRefusedHoldsNobodyUp) {
  cluster_.AddExecutor("node-2", 1);
  cluster_.Work();
  cluster_.server.RefuseNext(1, 503);
  auto refused = api::SampleCommand("refused");
  cluster_.Create(refused);
  created_.push_back("team-a/refused");
  auto next = api::SampleCommand("next");
  cluster_.Create(next);
  created_.push_back("team-a/next");
  cluster_.Work();
  EXPECT_THAT(Bound(), ElementsAre("team-a/next"));
  cluster_.Advance(seconds(1));
  EXPECT_THAT(Bound(), ElementsAre("team-a/refused", "team-a/next"));
}

TEST_F(FairnessTest, ASlotThatWasNotTakenAfterAllGoesToWhoWasPassedOverMeanwhile) {
  created_ = {"team-a/cancelled", "team-a/second"};
  cluster_.Create(api::SampleCommand("cancelled"));
  cluster_.server.BeforeNextWrite([this] {
    cluster_.Change("cancelled", {{"spec", {{"cancel", true}}}});
    cluster_.Create(api::SampleCommand("second"));
    cluster_.Work();  // as another worker does, while this one writes
  });
  cluster_.Work();
  EXPECT_THAT(Bound(), ElementsAre("team-a/second"));
  cluster_.Show("cancelled");
  cluster_.Advance(seconds(1));
  EXPECT_EQ(cluster_.Get("cancelled").status.phase, api::Phase::kCancelled);
}

TEST_F(FairnessTest, AnotherControllerServesThemAsTheyCame) {
  Create("team-a", "running");
  for (const auto& [name, queued] : {std::pair{"a", "00:00:03"}, {"b", "00:00:01"}, {"c", "00:00:02"}}) {
    auto command = api::SampleCommand(name);
    command["status"] = {{"phase", "Pending"}, {"queuedTime", std::string("2000-01-01T") + queued + ".000000Z"}};
    cluster_.Create(command);
    created_.push_back(std::string("team-a/") + name);
  }
  Create("team-a", "0-new");
  EXPECT_THAT(FinishAll(), ElementsAre("team-a/running", "team-a/b", "team-a/c", "team-a/a", "team-a/0-new"));
}

TEST_F(FairnessTest, WhatACommandMayUseIsWrittenWhenItIsBound) {
  Create("team-a", "1");
  const auto resources = cluster_.Get("team-a/1").status.resources;
  EXPECT_EQ(resources, api::NamespaceRules().resources);
}

}  // namespace
}  // namespace fumehood::controller
