// How finished commands make room for others.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "controller/resources.h"
#include "controller/retention.h"
#include "tests/controller/cluster.h"
#include "tests/fakes/fake_transport.h"

namespace fumehood::controller {
namespace {

using nlohmann::json;
using std::chrono::seconds;

CommandKey KeyNamed(const std::string& name) { return {{"team-a", name}, "uid-of-" + name}; }

class RetentionLimitsTest : public testing::Test {
 protected:
  // The server's printer columns of what is finished, for the next sweep.
  void ScriptTable(const std::vector<std::pair<std::string, int64_t>>& names_and_bytes) {
    json table = {{"kind", "Table"},
                  {"columnDefinitions", {{{"name", "TTL"}}, {{"name", "Completed"}}, {{"name", "Size"}}}},
                  {"rows", json::array()}};
    int order = 0;
    for (const auto& [name, bytes] : names_and_bytes) {
      table["rows"].push_back(
          {{"cells", {3'600, FormatMicroTime(cluster_.clock.WallNow() - seconds(100 - order++)), bytes}},
           {"object", {{"metadata", {{"namespace", "team-a"}, {"name", name}, {"uid", "uid-of-" + name}}}}}});
    }
    transport_.Script({.body = table.dump()});
  }
  // The answer to the next read of one command.
  void ScriptObject(const std::string& name, int64_t bytes) {
    json command = api::AsFinished(api::SampleCommand(name), cluster_.clock.WallNow());
    command["status"]["storedBytes"] = bytes;
    transport_.Script({.body = command.dump()});
  }
  bool Sweeps() {
    const size_t before = transport_.requests().size();
    retention_.SweepIfDue({});
    return transport_.requests().size() > before;
  }
  bool WasDeleted(const std::string& name) const {
    const auto object = cluster_.server.Find(kSandboxCommands, {"team-a", name});
    return !object.has_value();
  }

  Cluster cluster_;
  kube::FakeTransport transport_;
  kube::Client client_{transport_, "fumehood-controller"};
  kube::WorkQueue<CommandKey> queue_{cluster_.clock};
  Retention retention_{{client_,
                        cluster_.apply,
                        queue_,
                        cluster_.clock,
                        cluster_.log,
                        cluster_.metrics,
                        [] { return true; },
                        {.namespace_bytes = 1'000, .total_bytes = 1'000}}};
};

TEST_F(RetentionLimitsTest, ASweepKnowsWhatIsKept) {
  ScriptTable({{"old", 300}, {"new", 400}});
  EXPECT_TRUE(Sweeps());
  EXPECT_EQ(retention_.kept().commands, 2u);
  EXPECT_EQ(retention_.kept().bytes, 700);
  EXPECT_FALSE(queue_.TryGet()) << "nothing needs to go";
}

TEST_F(RetentionLimitsTest, SweepsAgainAfterAWhileOrWhenAsked) {
  ScriptTable({});
  EXPECT_TRUE(Sweeps());
  EXPECT_FALSE(Sweeps());
  cluster_.clock.Advance(std::chrono::minutes(5));
  ScriptTable({});
  EXPECT_TRUE(Sweeps());
  retention_.RequestSweep();
  ScriptTable({});
  EXPECT_TRUE(Sweeps());
}

TEST_F(RetentionLimitsTest, AFailedSweepIsRepeated) {
  transport_.Script({.status = 503, .body = "{}"});
  EXPECT_TRUE(Sweeps());
  ScriptTable({});
  EXPECT_TRUE(Sweeps());
}

TEST_F(RetentionLimitsTest, TheOldestAreDeletedWhenALimitIsExceeded) {
  ScriptTable({{"oldest", 500}, {"middle", 400}, {"newest", 300}});
  EXPECT_TRUE(Sweeps());
  EXPECT_EQ(queue_.TryGet(), KeyNamed("oldest"));
  EXPECT_FALSE(queue_.TryGet());

  const json oldest = api::AsFinished(api::SampleCommand("oldest"), cluster_.clock.WallNow());
  transport_.Script({.body = cluster_.server.Put(kSandboxCommands, oldest).dump()});
  EXPECT_TRUE(std::holds_alternative<kube::Settled>(retention_.Check(KeyNamed("oldest"), {})));
  EXPECT_TRUE(WasDeleted("oldest"));
  EXPECT_EQ(retention_.kept().bytes, 700);
}

TEST_F(RetentionLimitsTest, ACommandThatWasNotChosenStays) {
  ScriptTable({{"kept", 500}});
  EXPECT_TRUE(Sweeps());
  ScriptObject("kept", 500);
  EXPECT_TRUE(std::holds_alternative<kube::LookAgain>(retention_.Check(KeyNamed("kept"), {})));
}

TEST_F(RetentionLimitsTest, ANewlyFinishedCommandThatExceedsALimitCausesASweep) {
  ScriptTable({{"old", 700}});
  EXPECT_TRUE(Sweeps());
  ScriptObject("new", 400);
  retention_.Check(KeyNamed("new"), {});
  EXPECT_EQ(retention_.kept().bytes, 1'100);
  ScriptTable({{"new", 400}});  // somebody has deleted the old one meanwhile
  EXPECT_TRUE(Sweeps());
  EXPECT_FALSE(queue_.TryGet()) << "nothing needs to go after all";
}

TEST_F(RetentionLimitsTest, WhatIsGoneIsNotCountedAnyMore) {
  ScriptTable({{"gone", 700}});
  EXPECT_TRUE(Sweeps());
  transport_.Script({.status = 404, .body = "{}"});
  retention_.Check(KeyNamed("gone"), {});
  EXPECT_EQ(retention_.kept().commands, 0u);
}

}  // namespace
}  // namespace fumehood::controller
