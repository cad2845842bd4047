#include "lib/kube/reflector.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/fake_transport.h"

namespace fumehood::kube {
namespace {

using std::chrono::milliseconds;

// Remembers the names that exist, and lets a test wait for what it expects.
class RecordingSink final : public ObjectSink {
 public:
  void Replace(const std::vector<Json>& objects) override {
    std::lock_guard lock(mutex_);
    names_.clear();
    for (const Json& object : objects) names_.insert(NameOf(object));
    ++lists_;
    changed_.notify_all();
  }
  void Apply(const Json& object) override {
    std::lock_guard lock(mutex_);
    names_.insert(NameOf(object));
    changed_.notify_all();
  }
  void Remove(const Json& object) override {
    std::lock_guard lock(mutex_);
    names_.erase(NameOf(object));
    changed_.notify_all();
  }
  void OnConnected() override {
    std::lock_guard lock(mutex_);
    names_when_connected_.push_back(names_);
    changed_.notify_all();
  }
  void OnProblem(const Error& error) override {
    std::lock_guard lock(mutex_);
    problems_.push_back(error);
    changed_.notify_all();
  }

  bool WaitForNames(const std::set<std::string>& names) {
    return WaitFor([&] { return names_ == names; });
  }
  bool WaitForLists(int lists) {
    return WaitFor([&] { return lists_ >= lists; });
  }
  // What existed each time that it was told of a connection.
  std::vector<std::set<std::string>> names_when_connected() {
    std::lock_guard lock(mutex_);
    return names_when_connected_;
  }
  bool WaitForConnections(size_t count) {
    return WaitFor([&] { return names_when_connected_.size() >= count; });
  }
  bool WaitForProblems(size_t count) {
    return WaitFor([&] { return problems_.size() >= count; });
  }
  std::vector<Error> problems() {
    std::lock_guard lock(mutex_);
    return problems_;
  }

 private:
  static std::string NameOf(const Json& object) { return object["metadata"]["name"]; }
  template <typename Predicate>
  bool WaitFor(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), predicate);
  }

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::set<std::string> names_;
  std::vector<std::set<std::string>> names_when_connected_;
  int lists_ = 0;
  std::vector<Error> problems_;
};

// A stream that ends only when the caller has enough of it.
class EndlessTransport final : public HttpTransport {
 public:
  EndlessTransport(FakeTransport& scripted, size_t endless_after)
      : scripted_(scripted), endless_after_(endless_after) {}

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) override {
    return scripted_.Send(request, stop);
  }
  Result<HttpResponse> Stream(const HttpRequest& request, const ChunkSink& sink, std::stop_token stop) override {
    if (scripted_.requests().size() < endless_after_) return scripted_.Stream(request, sink, stop);
    sink("");
    std::mutex mutex;
    std::condition_variable_any nobody_notifies;
    std::unique_lock lock(mutex);
    nobody_notifies.wait(lock, stop, [] { return false; });
    return Fail(ErrorCode::kCancelled, "stopped");
  }

 private:
  FakeTransport& scripted_;
  const size_t endless_after_;
};

std::string Line(const std::string& type, const std::string& name, const std::string& version,
                 const std::string& more = "") {
  return R"({"type":")" + type + R"(","object":{"metadata":{"name":")" + name + R"(","resourceVersion":")" + version +
         R"(")" + more + "}}}\n";
}

const std::string kEnd = Line("BOOKMARK", "", "10", R"(,"annotations":{"k8s.io/initial-events-end":"true"})");

const std::string kGone =
    R"({"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","message":"too old","code":410}})"
    "\n";

class ReflectorTest : public testing::Test {
 protected:
  // Answers as scripted; from request number `endless_after` on, watches stay silent.
  void Start(size_t endless_after) {
    transport_.emplace(scripted_, endless_after);
    client_.emplace(*transport_, "test");
    thread_ = std::jthread([this](std::stop_token stop) { RunReflector(*client_, options_, sink_, stop); });
  }

  FakeTransport scripted_;
  std::optional<EndlessTransport> transport_;
  std::optional<Client> client_;
  ReflectorOptions options_{.type = {"", "v1", "nodes", Scope::kCluster},
                            .ns = "",
                            .field_selector = "",
                            .backoff = {.initial = milliseconds(1), .max = milliseconds(5)}};
  WatchHealth health_;
  RecordingSink sink_;
  std::jthread thread_;  // last: it uses all of the above
};

TEST_F(ReflectorTest, FollowsAStreamingListAndItsWatch) {
  scripted_.Script({.chunks = {Line("ADDED", "a", "3") + Line("ADDED", "b", "4") + kEnd, Line("DELETED", "a", "11"),
                               Line("ADDED", "c", "12")}});
  Start(1);
  EXPECT_TRUE(sink_.WaitForNames({"b", "c"}));
  const auto requests = scripted_.requests();
  EXPECT_NE(requests[0].target.find("sendInitialEvents=true"), std::string::npos) << requests[0].target;
  EXPECT_TRUE(sink_.problems().empty());
}

TEST_F(ReflectorTest, ResumesAWatchAtTheLastVersion) {
  scripted_.Script({.chunks = {kEnd, Line("ADDED", "a", "11")}});
  scripted_.Script({.chunks = {Line("ADDED", "b", "12")}});
  Start(2);
  EXPECT_TRUE(sink_.WaitForNames({"a", "b"}));
  EXPECT_NE(scripted_.requests()[1].target.find("resourceVersion=11"), std::string::npos);
}

TEST_F(ReflectorTest, ListsAgainWhenHistoryIsGoneAndFindsMissedDeletes) {
  scripted_.Script({.chunks = {Line("ADDED", "a", "3") + Line("ADDED", "b", "4") + kEnd}});
  scripted_.Script({.chunks = {kGone}});
  scripted_.Script({.chunks = {Line("ADDED", "b", "4") + kEnd}});
  Start(3);
  EXPECT_TRUE(sink_.WaitForLists(2));
  EXPECT_TRUE(sink_.WaitForNames({"b"}));
}

TEST_F(ReflectorTest, ListsWhereTheServerRefusesStreamingLists) {
  scripted_.Script(
      {.status = 422, .body = R"({"kind":"Status","reason":"Invalid","message":"sendInitialEvents","code":422})"});
  scripted_.Script(
      {.body = R"({"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a","resourceVersion":"3"}}]})"});
  Start(2);
  EXPECT_TRUE(sink_.WaitForNames({"a"}));
}

TEST_F(ReflectorTest, ListsWhereTheBookmarkNeverComes) {
  options_.initial_events_limit = milliseconds(20);
  scripted_.Script(
      {.body = R"({"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a","resourceVersion":"3"}}]})"});
  Start(0);
  EXPECT_TRUE(sink_.WaitForNames({"a"}));
  ASSERT_FALSE(sink_.problems().empty());
  EXPECT_NE(sink_.problems()[0].message.find("listing instead"), std::string::npos);
}

TEST_F(ReflectorTest, KeepsAskingAServerThatIsAway) {
  for (int i = 0; i < 3; ++i) scripted_.Script({.failure = Error{ErrorCode::kUnavailable, "connection refused"}});
  scripted_.Script({.chunks = {Line("ADDED", "a", "3") + kEnd}});
  Start(4);
  EXPECT_TRUE(sink_.WaitForNames({"a"}));
  EXPECT_EQ(sink_.problems().size(), 3U);
}

TEST_F(ReflectorTest, IsConnectedWhenEverythingWasListed) {
  scripted_.Script({.chunks = {Line("ADDED", "a", "3") + kEnd, Line("ADDED", "b", "11")}});
  Start(1);
  EXPECT_TRUE(sink_.WaitForNames({"a", "b"}));
  EXPECT_EQ(sink_.names_when_connected(), (std::vector<std::set<std::string>>{{"a"}}));
}

TEST_F(ReflectorTest, IsConnectedWhenAWatchFollowsAList) {
  options_.initial_events_limit = milliseconds(20);
  scripted_.Script(
      {.body = R"({"metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a","resourceVersion":"3"}}]})"});
  Start(0);
  EXPECT_TRUE(sink_.WaitForConnections(1));
  EXPECT_EQ(sink_.names_when_connected(), (std::vector<std::set<std::string>>{{"a"}}));
}

TEST_F(ReflectorTest, AWatchThatFollowsAnotherOneIsNoNewConnection) {
  scripted_.Script({.chunks = {kEnd}});
  scripted_.Script({.chunks = {Line("ADDED", "a", "11")}});
  scripted_.Script({.chunks = {Line("ADDED", "b", "12")}});
  Start(3);
  EXPECT_TRUE(sink_.WaitForNames({"a", "b"}));
  EXPECT_EQ(sink_.names_when_connected().size(), 1U);
}

TEST_F(ReflectorTest, AWatchThatFollowsAfterAGapIsANewConnection) {
  options_.longest_seam = milliseconds(0);
  scripted_.Script({.chunks = {kEnd}});
  scripted_.Script({.chunks = {Line("ADDED", "a", "11")}});
  Start(2);
  EXPECT_TRUE(sink_.WaitForConnections(3));
  EXPECT_TRUE(sink_.problems().empty());
}

struct Break {
  std::string name;
  FakeTransport::Answer answer;
};

class BrokenConnectionTest : public ReflectorTest, public testing::WithParamInterface<Break> {};

TEST_P(BrokenConnectionTest, IsToldAnewAlthoughTheNextWatchResumesAndIsSilent) {
  scripted_.Script({.chunks = {Line("ADDED", "a", "3") + kEnd}});
  scripted_.Script(GetParam().answer);
  Start(2);
  EXPECT_TRUE(sink_.WaitForConnections(2));
  EXPECT_EQ(sink_.names_when_connected(), (std::vector<std::set<std::string>>{{"a"}, {"a"}}));
  EXPECT_NE(scripted_.requests()[1].target.find("resourceVersion=10"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Breaks, BrokenConnectionTest,
    testing::Values(Break{"Refused", {.failure = Error{ErrorCode::kUnavailable, "connection refused"}}},
                    Break{"CutOff", {.chunks = {""}, .failure = Error{ErrorCode::kUnavailable, "reset"}}},
                    Break{"Overloaded", {.status = 429, .body = "{}"}},
                    Break{"NoServerBehindTheProxy", {.status = 503, .body = "{}"}},
                    Break{"EndedBeforeItSaidAnything", {}}),
    [](const auto& row) { return row.param.name; });

TEST_F(ReflectorTest, ConnectionIsToldAnewWhenHistoryWasGone) {
  scripted_.Script({.chunks = {Line("ADDED", "a", "3") + Line("ADDED", "b", "4") + kEnd}});
  scripted_.Script({.chunks = {kGone}});
  scripted_.Script({.chunks = {Line("ADDED", "b", "4") + kEnd}});
  Start(3);
  EXPECT_TRUE(sink_.WaitForConnections(2));
  EXPECT_EQ(sink_.names_when_connected(), (std::vector<std::set<std::string>>{{"a", "b"}, {"b"}}));
}

TEST_F(ReflectorTest, HealthFollowsTheConnection) {
  const SystemClock clock;
  options_.health = &health_;
  options_.backoff = {.initial = std::chrono::hours(1), .max = std::chrono::hours(1)};
  scripted_.Script({.chunks = {kEnd}, .failure = Error{ErrorCode::kUnavailable, "reset"}});
  EXPECT_FALSE(health_.Check(clock.SteadyNow(), std::chrono::hours(1)));
  Start(1);
  EXPECT_TRUE(sink_.WaitForProblems(1));
  EXPECT_FALSE(health_.Check(clock.SteadyNow(), milliseconds(0)));
  EXPECT_TRUE(health_.Check(clock.SteadyNow(), std::chrono::hours(1)));
}

TEST_F(ReflectorTest, EndsWhenItIsToldTo) {
  Start(0);
  thread_.request_stop();
  thread_.join();
}

}  // namespace
}  // namespace fumehood::kube
