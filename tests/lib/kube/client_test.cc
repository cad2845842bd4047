#include "lib/kube/client.h"

#include <gmock/gmock.h>

#include "tests/fakes/fake_transport.h"

namespace fumehood::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const ResourceType kCommands{"fumehood.dev", "v1alpha1", "sandboxcommands"};
const ResourceType kNodes{"", "v1", "nodes", Scope::kCluster};
const ResourceType kLeases{"coordination.k8s.io", "v1", "leases"};
const ResourceType kEvents{"events.k8s.io", "v1", "events"};
const ObjectName kUnitTests{"team-a", "unit-tests"};

class ClientTest : public ::testing::Test {
 protected:
  FakeTransport transport_;
  Client client_{transport_, "fumehood controller"};
};

TEST_F(ClientTest, GetsAnObject) {
  transport_.Script({.body = R"({"kind":"SandboxCommand"})"});
  const Result<Json> object = client_.Get(kCommands, kUnitTests);
  ASSERT_TRUE(object.has_value());
  EXPECT_EQ(object->at("kind"), "SandboxCommand");
  EXPECT_EQ(transport_.requests().at(0).target,
            "/apis/fumehood.dev/v1alpha1/namespaces/team-a/sandboxcommands/unit-tests");
  EXPECT_EQ(transport_.requests().at(0).traffic, TrafficClass::kRead);
}

TEST_F(ClientTest, EscapesNames) {
  transport_.Script({.body = "{}"});
  ASSERT_TRUE(client_.Get(kNodes, {"", "a/b?c\r\nd"}).has_value());
  EXPECT_EQ(transport_.requests().at(0).target, "/api/v1/nodes/a%2Fb%3Fc%0D%0Ad");
}

TEST_F(ClientTest, RefusesNamesThatMeanSomethingElse) {
  for (const ObjectName& name :
       {ObjectName{"team-a", ""}, ObjectName{"team-a", ".."}, ObjectName{"..", "a"}, ObjectName{"", "unit-tests"}}) {
    EXPECT_EQ(client_.Get(kCommands, name).error().code, ErrorCode::kInvalid) << name.ns << "/" << name.name;
    EXPECT_EQ(client_.Delete(kCommands, name, {}).error().code, ErrorCode::kInvalid);
  }
  EXPECT_EQ(client_.Get(kNodes, {"team-a", "n1"}).error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(transport_.requests().empty());
}

TEST_F(ClientTest, ReplacesAnObject) {
  transport_.Script({.body = R"({"kind":"Lease"})"});
  const Json lease = {{"metadata", {{"name", "a"}, {"resourceVersion", "7"}}}};
  ASSERT_TRUE(client_.Update(kLeases, {"team-a", "a"}, lease).has_value());
  const HttpRequest request = transport_.requests().at(0);
  EXPECT_EQ(request.method, HttpMethod::kPut);
  EXPECT_EQ(request.target,
            "/apis/coordination.k8s.io/v1/namespaces/team-a/leases/a?fieldManager=fumehood%20controller");
  EXPECT_EQ(Json::parse(request.body), lease);
  EXPECT_EQ(request.timeout, std::chrono::seconds(5));
}

TEST_F(ClientTest, AnOutdatedUpdateIsAConflict) {
  transport_.Script({.status = 409, .body = R"({"reason":"Conflict"})"});
  EXPECT_EQ(client_.Update(kLeases, {"team-a", "a"}, Json::object()).error().code, ErrorCode::kConflict);
}

TEST_F(ClientTest, FollowsThePagesOfAList) {
  transport_.Script({.body = R"({"metadata":{"resourceVersion":"7","continue":"a/b"},"items":[{"a":1}]})"});
  transport_.Script({.body = R"({"metadata":{"resourceVersion":"7"},"items":[{"a":2}]})"});
  const Result<ObjectList> list = client_.List(kCommands, {.ns = "team-a",
                                                           .field_selector = "status.phase!=Failed",
                                                           .label_selector = "a in (b,c)",
                                                           .resource_version = "5",
                                                           .page_size = 1});
  ASSERT_TRUE(list.has_value()) << list.error().message;
  EXPECT_EQ(list->items.size(), 2U);
  EXPECT_EQ(list->resource_version, "7");
  const std::string common =
      "/apis/fumehood.dev/v1alpha1/namespaces/team-a/sandboxcommands?fieldSelector=status.phase%21%3DFailed"
      "&labelSelector=a%20in%20%28b%2Cc%29&limit=1";
  ASSERT_EQ(transport_.requests().size(), 2U);
  EXPECT_EQ(transport_.requests()[0].target, common + "&resourceVersion=5&resourceVersionMatch=NotOlderThan");
  EXPECT_EQ(transport_.requests()[1].target, common + "&continue=a%2Fb");
}

TEST_F(ClientTest, AnExpiredContinuationIsGone) {
  transport_.Script({.body = R"({"metadata":{"resourceVersion":"7","continue":"a"},"items":[]})"});
  transport_.Script({.status = 410, .body = R"({"reason":"Expired","message":"too old"})"});
  EXPECT_EQ(client_.List(kNodes, {}).error().code, ErrorCode::kGone);
}

TEST_F(ClientTest, RefusesAListThatIsNone) {
  for (const std::string body :
       {"{}", "[]", "7", "{", R"({"metadata":{"resourceVersion":"7"},"items":{}})",
        R"({"metadata":{"resourceVersion":"7"},"items":[7]})", R"({"kind":"Table","rows":[]})"}) {
    transport_.Script({.body = body});
    EXPECT_EQ(client_.List(kNodes, {}).error().code, ErrorCode::kInternal) << body;
  }
}

TEST_F(ClientTest, ListsAsATable) {
  transport_.Script({.body = R"({"kind":"Table","metadata":{},"columnDefinitions":[{"name":"Name"},{"name":"Age"}],
      "rows":[{"cells":["n1","3d"],"object":{"metadata":{"name":"n1","uid":"u","resourceVersion":"9"}}}]})"});
  const Result<Table> table = client_.ListAsTable(kNodes, {});
  ASSERT_TRUE(table.has_value()) << table.error().message;
  EXPECT_THAT(table->columns, ElementsAre("Name", "Age"));
  ASSERT_EQ(table->rows.size(), 1U);
  EXPECT_EQ(table->rows[0].name, (ObjectName{"", "n1"}));
  EXPECT_EQ(table->rows[0].uid, "u");
  EXPECT_EQ(table->rows[0].cells.at(1), "3d");
  EXPECT_EQ(transport_.requests().at(0).target, "/api/v1/nodes?includeObject=Metadata&limit=500");
  EXPECT_EQ(transport_.requests().at(0).accept, "application/json;as=Table;v=v1;g=meta.k8s.io");
}

TEST_F(ClientTest, CreatesUnderItsFieldManager) {
  transport_.Script({.status = 201, .body = "{}"});
  ASSERT_TRUE(client_.Create(kCommands, "team-a", {{"metadata", {{"name", "x"}}}}).has_value());
  const HttpRequest request = transport_.requests().at(0);
  EXPECT_EQ(request.method, HttpMethod::kPost);
  EXPECT_EQ(request.traffic, TrafficClass::kWrite);
  EXPECT_EQ(request.target,
            "/apis/fumehood.dev/v1alpha1/namespaces/team-a/sandboxcommands?fieldManager=fumehood%20controller");
  EXPECT_EQ(request.body, R"({"metadata":{"name":"x"}})");
}

TEST_F(ClientTest, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(client_.Create(kCommands, "team-a", {{"a", "\xff"}}).error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(transport_.requests().empty());
}

TEST_F(ClientTest, PatchesASubresource) {
  transport_.Script({.body = "{}"});
  transport_.Script({.body = "{}"});
  ASSERT_TRUE(client_.Patch(kCommands, kUnitTests, PatchKind::kMerge, {{"status", {}}}, "status").has_value());
  ASSERT_TRUE(client_.Patch(kCommands, kUnitTests, PatchKind::kJson, Json::array()).has_value());
  const std::vector<HttpRequest> requests = transport_.requests();
  EXPECT_EQ(requests.at(0).content_type, "application/merge-patch+json");
  EXPECT_THAT(requests.at(0).target, HasSubstr("/unit-tests/status?fieldManager="));
  EXPECT_EQ(requests.at(1).content_type, "application/json-patch+json");
  EXPECT_THAT(requests.at(1).target, HasSubstr("/unit-tests?fieldManager="));
}

TEST_F(ClientTest, AConflictSaysWhatWasTried) {
  transport_.Script({.status = 409, .body = R"({"reason":"Conflict","message":"it was modified"})"});
  const Error error = client_.Patch(kCommands, kUnitTests, PatchKind::kMerge, Json::object(), "status").error();
  EXPECT_EQ(error.code, ErrorCode::kConflict);
  EXPECT_EQ(error.message,
            "patch sandboxcommands.fumehood.dev \"team-a/unit-tests\" status: conflict: it was modified");
}

TEST_F(ClientTest, DeletesOnlyTheObjectThatWasMeant) {
  transport_.Script({.body = R"({"kind":"Status","status":"Success"})"});
  ASSERT_TRUE(client_.Delete(kCommands, kUnitTests, {.uid = "u", .resource_version = "9"}).has_value());
  const HttpRequest request = transport_.requests().at(0);
  EXPECT_EQ(request.method, HttpMethod::kDelete);
  EXPECT_EQ(Json::parse(request.body), (Json{{"apiVersion", "v1"},
                                             {"kind", "DeleteOptions"},
                                             {"preconditions", {{"uid", "u"}, {"resourceVersion", "9"}}}}));
}

TEST_F(ClientTest, ADeleteAlwaysHasABody) {
  transport_.Script({.body = "{}"});
  ASSERT_TRUE(client_.Delete(kCommands, kUnitTests, {}).has_value());
  EXPECT_FALSE(transport_.requests().at(0).body.empty());
}

TEST_F(ClientTest, KeepsKindsOfTrafficApart) {
  for (int i = 0; i < 3; ++i) transport_.Script({.body = "{}"});
  ASSERT_TRUE(client_.Get(kLeases, {"ns", "leader"}).has_value());
  ASSERT_TRUE(client_.Patch(kLeases, {"ns", "leader"}, PatchKind::kMerge, Json::object()).has_value());
  ASSERT_TRUE(client_.Create(kEvents, "ns", Json::object()).has_value());
  EXPECT_EQ(transport_.requests().at(0).traffic, TrafficClass::kLease);
  EXPECT_EQ(transport_.requests().at(1).traffic, TrafficClass::kLease);
  EXPECT_EQ(transport_.requests().at(2).traffic, TrafficClass::kEvent);
}

TEST_F(ClientTest, HandsTheTransportsErrorOn) {
  transport_.Script({.failure = Error{ErrorCode::kOutcomeUnknown, "the server closed the connection"}});
  const Error error = client_.Create(kNodes, "", Json::object()).error();
  EXPECT_EQ(error.code, ErrorCode::kOutcomeUnknown);
  EXPECT_THAT(error.message, HasSubstr("create nodes"));
}

TEST_F(ClientTest, WatchesLineByLine) {
  transport_.Script({.chunks = {"{\"a\":", "1}\n{\"a\":2}\n{\"cut", " off"}});
  std::vector<std::string> lines;
  const Status status = client_.Watch(
      kCommands,
      {.ns = "team-a", .field_selector = "status.nodeName=n1", .resource_version = "5", .send_initial_events = true},
      [&](std::string_view line) {
        lines.emplace_back(line);
        return StreamControl::kContinue;
      },
      {});
  ASSERT_TRUE(status.has_value()) << status.error().message;
  EXPECT_THAT(lines, ElementsAre("{\"a\":1}", "{\"a\":2}"));
  EXPECT_EQ(transport_.requests().at(0).target,
            "/apis/fumehood.dev/v1alpha1/namespaces/team-a/sandboxcommands?watch=1&allowWatchBookmarks=true"
            "&timeoutSeconds=180&fieldSelector=status.nodeName%3Dn1&resourceVersion=5&sendInitialEvents=true"
            "&resourceVersionMatch=NotOlderThan");
  EXPECT_EQ(transport_.requests().at(0).traffic, TrafficClass::kWatch);
}

TEST_F(ClientTest, AWatchEndsAtTheCallersWord) {
  transport_.Script({.chunks = {"1\n2\n", "3\n"}});
  int lines = 0;
  const auto on_line = [&](std::string_view) {
    ++lines;
    return StreamControl::kStop;
  };
  EXPECT_TRUE(client_.Watch(kNodes, {}, on_line, {}).has_value());
  EXPECT_EQ(lines, 1);
}

TEST_F(ClientTest, AWatchThatIsRefusedIsAnError) {
  transport_.Script({.status = 410, .body = R"({"reason":"Expired"})"});
  const auto on_line = [](std::string_view) { return StreamControl::kContinue; };
  EXPECT_EQ(client_.Watch(kNodes, {}, on_line, {}).error().code, ErrorCode::kGone);
}

TEST_F(ClientTest, AnEndlessLineEndsAWatch) {
  transport_.Script({.chunks = std::vector<std::string>(9, std::string(1 << 20, 'x'))});
  const auto on_line = [](std::string_view) { return StreamControl::kContinue; };
  EXPECT_EQ(client_.Watch(kNodes, {}, on_line, {}).error().code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace fumehood::kube
