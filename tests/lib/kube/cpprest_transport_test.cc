#include "lib/kube/cpprest_transport.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <atomic>
#include <future>

#include "tests/fakes/http_server.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

std::unique_ptr<CppRestTransport> TransportTo(const std::string& url) {
  Result<std::unique_ptr<CppRestTransport>> created = CppRestTransport::Create({.server = url});
  EXPECT_TRUE(created.has_value()) << created.error().message;
  return *std::move(created);
}

HttpRequest Read(std::chrono::milliseconds timeout = 10s) { return {.target = "/api/v1/nodes", .timeout = timeout}; }

HttpRequest Write(HttpMethod method, std::chrono::milliseconds timeout = 10s) {
  return {
      .method = method, .traffic = TrafficClass::kWrite, .target = "/api/v1/nodes", .body = "{}", .timeout = timeout};
}

HttpRequest Watch(std::chrono::milliseconds idle_limit = 10s) {
  return {.traffic = TrafficClass::kWatch, .target = "/watch", .timeout = idle_limit};
}

struct WriteMethod {
  std::string name;
  HttpMethod method;
};
class CppRestTransportWriteTest : public ::testing::TestWithParam<WriteMethod> {};
INSTANTIATE_TEST_SUITE_P(AllWrites, CppRestTransportWriteTest,
                         ::testing::Values(WriteMethod{"Post", HttpMethod::kPost},
                                           WriteMethod{"Patch", HttpMethod::kPatch},
                                           WriteMethod{"Put", HttpMethod::kPut},
                                           WriteMethod{"Delete", HttpMethod::kDelete}),
                         [](const auto& row) { return row.param.name; });

TEST(CppRestTransportTest, SendsWhatItWasGiven) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) { connection.Respond(201, "done"); });
  const auto transport = TransportTo(server.url());
  HttpRequest request = Write(HttpMethod::kPatch);
  request.target = "/apis/fumehood.dev/v1alpha1/a%2Fb:c?fieldSelector=a%3Db%2Cc&limit=5";
  request.body = "[]";
  request.content_type = "application/json-patch+json";
  request.accept = "application/json;as=Table;v=v1;g=meta.k8s.io";

  const Result<HttpResponse> response = transport->Send(request, {});

  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "done");
  const ReceivedRequest received = server.requests().at(0);
  EXPECT_EQ(received.method, "PATCH");
  EXPECT_EQ(received.target, request.target);
  EXPECT_EQ(received.body, "[]");
  EXPECT_EQ(received.headers.at("content-type"), request.content_type);
  EXPECT_EQ(received.headers.at("content-length"), "2");
  EXPECT_EQ(received.headers.at("accept"), request.accept);
  EXPECT_EQ(received.headers.count("transfer-encoding"), 0U);
  EXPECT_EQ(received.headers.count("authorization"), 0U);
}

TEST(CppRestTransportTest, KeepsThePrefixOfTheServersUrl) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) { connection.Respond(200, "{}"); });
  const auto transport = TransportTo(server.url() + "/k8s/clusters/c1/");

  ASSERT_TRUE(transport->Send(Read(), {}).has_value());

  EXPECT_EQ(server.requests().at(0).target, "/k8s/clusters/c1/api/v1/nodes");
}

TEST(CppRestTransportTest, UsesOneConnectionForManyRequests) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) { connection.Respond(200, "{}"); });
  const auto transport = TransportTo(server.url());

  for (int i = 0; i < 5; ++i) ASSERT_TRUE(transport->Send(Read(), {}).has_value());

  EXPECT_EQ(server.requests().back().connection, 1U);
}

TEST(CppRestTransportTest, ReturnsRefusalsAsResponses) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) {
    connection.Respond(429, "later", "Retry-After: 7\r\n");
  });
  const auto transport = TransportTo(server.url());

  const Result<HttpResponse> response = transport->Send(Write(HttpMethod::kPost), {});

  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 429);
  EXPECT_EQ(response->body, "later");
  EXPECT_EQ(response->retry_after, 7s);
}

TEST(CppRestTransportTest, DoesNotFollowRedirects) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) {
    connection.Respond(302, "", "Location: /elsewhere\r\n");
  });
  const auto transport = TransportTo(server.url());

  const Result<HttpResponse> response = transport->Send(Read(), {});

  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(CppRestTransportTest, CarriesLargeBodiesBothWays) {
  HttpServer server(
      [](const ReceivedRequest& request, ServerConnection& connection) { connection.Respond(200, request.body); });
  const auto transport = TransportTo(server.url());
  HttpRequest request = Write(HttpMethod::kPost);
  request.body.clear();
  for (int i = 0; request.body.size() < 300 * 1024; ++i) request.body += std::to_string(i);

  const Result<HttpResponse> response = transport->Send(request, {});

  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_TRUE(response->body == request.body);
}

TEST_P(CppRestTransportWriteTest, IsSentOnceWhenAPooledConnectionBreaksAfterTheRequest) {
  HttpServer server([](const ReceivedRequest& request, ServerConnection& connection) {
    if (request.method == "GET") return connection.Respond(200, "{}");
    connection.Close();
  });
  const auto transport = TransportTo(server.url());
  HttpRequest first = Read();
  first.traffic = TrafficClass::kWrite;
  ASSERT_TRUE(transport->Send(first, {}).has_value());

  const Result<HttpResponse> response = transport->Send(Write(GetParam().method), {});

  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, ErrorCode::kOutcomeUnknown) << response.error().message;
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.requests()[1].connection, 1U) << "it should have been the pooled connection";
}

TEST_P(CppRestTransportWriteTest, UsesAnotherConnectionWhenThePooledOneDiedWhileIdle) {
  std::atomic<int> requests = 0;
  HttpServer server([&](const ReceivedRequest&, ServerConnection& connection) {
    connection.Respond(200, "{}");
    if (++requests == 1) connection.Close();
  });
  const auto transport = TransportTo(server.url());
  ASSERT_TRUE(transport->Send(Write(HttpMethod::kPost), {}).has_value());
  ASSERT_TRUE(server.WaitForClosedConnections(1));

  const Result<HttpResponse> response = transport->Send(Write(GetParam().method), {});

  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_P(CppRestTransportWriteTest, HasAnUnknownOutcomeWhenNoAnswerComes) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) { connection.WaitUntilClosed(); });
  const auto transport = TransportTo(server.url());

  const Result<HttpResponse> response = transport->Send(Write(GetParam().method, 1s), {});

  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_P(CppRestTransportWriteTest, IsCertainlyNotDoneWhenNobodyListens) {
  std::string url;
  {
    url = HttpServer([](const ReceivedRequest&, ServerConnection&) {}).url();
  }
  const auto transport = TransportTo(url);

  const Result<HttpResponse> response = transport->Send(Write(GetParam().method), {});

  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message, HasSubstr(url));
}

TEST(CppRestTransportTest, RefusesAWriteThatCouldBeReplayed) {
  const auto transport = TransportTo("http://127.0.0.1:1");
  HttpRequest request = Write(HttpMethod::kDelete);
  request.body.clear();

  EXPECT_EQ(transport->Send(request, {}).error().code, ErrorCode::kInvalid);
}

TEST(CppRestTransportTest, RefusesWhatCouldInjectAHeader) {
  const auto transport = TransportTo("http://127.0.0.1:1");
  for (const std::string target : {"/a\r\nX: y", "/a b", "//evil/a", "nodes", "/a#b", "/\xc3\xa4"}) {
    HttpRequest request = Read();
    request.target = target;
    EXPECT_EQ(transport->Send(request, {}).error().code, ErrorCode::kInvalid) << target;
  }
  HttpRequest request = Read();
  request.accept = "application/json\r\nX: y";
  EXPECT_EQ(transport->Send(request, {}).error().code, ErrorCode::kInvalid);
}

TEST(CppRestTransportTest, ReadsSurviveAPooledConnectionThatBreaksAfterTheRequest) {
  std::atomic<int> requests = 0;
  HttpServer server([&](const ReceivedRequest&, ServerConnection& connection) {
    if (++requests == 2) return connection.Close();
    connection.Respond(200, "{}");
  });
  const auto transport = TransportTo(server.url());
  ASSERT_TRUE(transport->Send(Read(), {}).has_value());

  const Result<HttpResponse> response = transport->Send(Read(), {});

  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST(CppRestTransportTest, TheDeadlineIsForTheWholeExchange) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) {
    connection.BeginChunks();
    // Never silent for long, and never done.
    while (connection.IsWritable(0ms)) {
      connection.WriteChunk("x");
      std::promise<void>().get_future().wait_for(10ms);
    }
  });
  const auto transport = TransportTo(server.url());

  const auto begin = std::chrono::steady_clock::now();
  const Result<HttpResponse> response = transport->Send(Read(200ms), {});

  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST(CppRestTransportTest, AnAnswerThatIsCutOffIsAFailure) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) {
    connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":");
    connection.Close();
  });
  const auto transport = TransportTo(server.url());

  EXPECT_EQ(transport->Send(Read(), {}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(transport->Send(Write(HttpMethod::kPost), {}).error().code, ErrorCode::kOutcomeUnknown);
}

TEST(CppRestTransportTest, NonsenseInsteadOfHttpIsAFailure) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) {
    connection.Write("SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n");
    connection.Close();
  });
  const auto transport = TransportTo(server.url());

  EXPECT_EQ(transport->Send(Read(), {}).error().code, ErrorCode::kUnavailable);
}

TEST(CppRestTransportTest, StopEndsASend) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) { connection.WaitUntilClosed(); });
  const auto transport = TransportTo(server.url());
  std::stop_source stop;
  auto response = std::async(std::launch::async, [&] { return transport->Send(Read(60s), stop.get_token()); });
  ASSERT_TRUE(server.WaitForRequests(1));

  stop.request_stop();

  ASSERT_EQ(response.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(response.get().error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(server.WaitForClosedConnections(1));
}

TEST(CppRestTransportTest, AStopThatCameBeforeSendsNothing) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) { connection.Respond(200, "{}"); });
  const auto transport = TransportTo(server.url());
  std::stop_source stop;
  stop.request_stop();

  const Result<HttpResponse> response = transport->Send(Write(HttpMethod::kPost), stop.get_token());

  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(server.requests().size(), 0U);
}

TEST(CppRestTransportTest, DestructionCancelsWhatIsUnderWay) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) { connection.WaitUntilClosed(); });
  auto transport = TransportTo(server.url());
  CppRestTransport& shared = *transport;
  auto read = std::async(std::launch::async, [&] { return shared.Send(Read(60s), {}); });
  auto watch = std::async(std::launch::async, [&] {
    return shared.Stream(Watch(60s), [](std::string_view) { return StreamControl::kContinue; }, {});
  });
  ASSERT_TRUE(server.WaitForRequests(2));

  transport.reset();

  EXPECT_EQ(read.get().error().code, ErrorCode::kCancelled);
  EXPECT_EQ(watch.get().error().code, ErrorCode::kCancelled);
}

TEST(CppRestTransportTest, ServesManyThreadsAtOnce) {
  HttpServer server([](const ReceivedRequest& request, ServerConnection& connection) {
    connection.Respond(200, request.body.empty() ? request.target : request.body);
  });
  const auto transport = TransportTo(server.url());
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 25; ++i) {
          HttpRequest request = i % 2 == 0 ? Read() : Write(HttpMethod::kPatch);
          request.target = "/" + std::to_string(thread * 1000 + i);
          if (i % 2 != 0) request.body = request.target;
          const Result<HttpResponse> response = transport->Send(request, {});
          if (response.has_value() && response->body == request.target) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 8 * 25);
}

TEST(CppRestTransportTest, RefusesServersThatItCannotReachSafely) {
  struct Row {
    std::string name;
    ClientConfig config;
    std::string want;
  };
  const std::vector<Row> rows = {
      {"NoScheme", {.server = "127.0.0.1:6443"}, "https://"},
      {"Ipv6", {.server = "https://[fd00::1]:6443"}, "host name"},
      {"TokenInTheClear", {.server = "http://127.0.0.1:1", .token = "secret"}, "plain http"},
      {"TokenWithALineFeed", {.server = "https://127.0.0.1:1", .token = "secret\nX: y"}, "Authorization"},
      {"BadAuthority", {.server = "https://127.0.0.1:1", .ca_pem = "nonsense"}, "certificate authorities"},
  };
  for (const Row& row : rows) {
    const auto created = CppRestTransport::Create(row.config);
    ASSERT_FALSE(created.has_value()) << row.name;
    EXPECT_EQ(created.error().code, ErrorCode::kInvalid) << row.name;
    EXPECT_THAT(created.error().message, HasSubstr(row.want)) << row.name;
    EXPECT_THAT(created.error().message, Not(HasSubstr("secret"))) << row.name;
  }
}

TEST(CppRestTransportTest, ExitProcessWritesOutStdio) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // other tests have left the io thread behind
  EXPECT_EXIT(
      {
        std::fputs("last words", stderr);
        ExitProcess(7);
      },
      ::testing::ExitedWithCode(7), "last words");
}

}  // namespace
}  // namespace fumehood::kube
