// Streams over CppRestTransport: watches.
#include <gmock/gmock.h>

#include <future>

#include "lib/kube/cpprest_transport.h"
#include "tests/fakes/http_server.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<CppRestTransport> TransportTo(const std::string& url) {
  Result<std::unique_ptr<CppRestTransport>> created = CppRestTransport::Create({.server = url});
  EXPECT_TRUE(created.has_value()) << created.error().message;
  return *std::move(created);
}

HttpRequest Watch(std::chrono::milliseconds idle_limit = 10s) {
  return {.traffic = TrafficClass::kWatch, .target = "/watch", .timeout = idle_limit};
}

TEST(CppRestTransportStreamTest, StreamsChunksAsTheyCome) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) {
    connection.BeginChunks();
    // The head of a chunk, and a character, arrive in pieces.
    connection.Write("4\r");
    connection.Write("\nab\xc3");
    connection.Write("\xa4\r\n");
    connection.WriteChunk("cd\n");
    connection.EndChunks();
  });
  const auto transport = TransportTo(server.url());
  std::string received;

  const Result<HttpResponse> response = transport->Stream(Watch(),
                                                          [&](std::string_view chunk) {
                                                            received += chunk;
                                                            return StreamControl::kContinue;
                                                          },
                                                          {});

  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(received,
            "ab\xc3\xa4"
            "cd\n");
}

TEST(CppRestTransportStreamTest, AChunkIsDeliveredBeforeTheNextOneExists) {
  std::promise<void> first_seen;
  HttpServer server([&](const ReceivedRequest&, ServerConnection& connection) {
    connection.BeginChunks();
    connection.WriteChunk("1");
    if (first_seen.get_future().wait_for(10s) == std::future_status::ready) connection.WriteChunk("2");
    connection.EndChunks();
  });
  const auto transport = TransportTo(server.url());
  std::string received;

  const Result<HttpResponse> response = transport->Stream(Watch(),
                                                          [&](std::string_view chunk) {
                                                            if (chunk == "1") first_seen.set_value();
                                                            received += chunk;
                                                            return StreamControl::kContinue;
                                                          },
                                                          {});

  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(received, "12");
}

TEST(CppRestTransportStreamTest, AnAnswerIsToldThoughItsBodyIsSilent) {
  std::promise<void> told;
  HttpServer server([&](const ReceivedRequest&, ServerConnection& connection) {
    connection.BeginChunks();
    EXPECT_EQ(told.get_future().wait_for(10s), std::future_status::ready);
    connection.EndChunks();
  });
  const auto transport = TransportTo(server.url());

  const Result<HttpResponse> response = transport->Stream(Watch(),
                                                          [&](std::string_view chunk) {
                                                            EXPECT_EQ(chunk, "");
                                                            told.set_value();
                                                            return StreamControl::kContinue;
                                                          },
                                                          {});
  ASSERT_TRUE(response.has_value()) << response.error().message;
}

TEST(CppRestTransportStreamTest, AStreamThatFallsSilentIsAFailure) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) {
    connection.BeginChunks();
    connection.WriteChunk("1");
    connection.WaitUntilClosed();
  });
  const auto transport = TransportTo(server.url());
  std::string received;

  const Result<HttpResponse> response = transport->Stream(Watch(200ms),
                                                          [&](std::string_view chunk) {
                                                            received += chunk;
                                                            return StreamControl::kContinue;
                                                          },
                                                          {});

  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(received, "1");
  EXPECT_TRUE(server.WaitForClosedConnections(1)) << "a silent connection must not stay open";
}

TEST(CppRestTransportStreamTest, AStreamThatIsCutWithinAChunkIsAFailure) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) {
    connection.BeginChunks();
    connection.WriteChunk("1\n");
    connection.Write("10\r\nhalf");
    connection.Close();
  });
  const auto transport = TransportTo(server.url());
  std::string received;

  const Result<HttpResponse> response = transport->Stream(Watch(),
                                                          [&](std::string_view chunk) {
                                                            received += chunk;
                                                            return StreamControl::kContinue;
                                                          },
                                                          {});

  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(received, "1\n");
}

TEST(CppRestTransportStreamTest, ARefusedStreamReturnsItsBody) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) { connection.Respond(410, "expired"); });
  const auto transport = TransportTo(server.url());

  const Result<HttpResponse> response = transport->Stream(Watch(),
                                                          [](std::string_view) {
                                                            ADD_FAILURE() << "the sink must not see a failure";
                                                            return StreamControl::kContinue;
                                                          },
                                                          {});

  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 410);
  EXPECT_EQ(response->body, "expired");
}

TEST(CppRestTransportStreamTest, TheSinkCanEndAStream) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) {
    connection.BeginChunks();
    connection.WriteChunk("1");
    connection.WaitUntilClosed();
  });
  const auto transport = TransportTo(server.url());

  const Result<HttpResponse> response =
      transport->Stream(Watch(), [](std::string_view) { return StreamControl::kStop; }, {});

  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(server.WaitForClosedConnections(1));
}

TEST(CppRestTransportStreamTest, StopEndsAStreamThatIsSilent) {
  HttpServer server([](const ReceivedRequest&, ServerConnection& connection) {
    connection.BeginChunks();
    connection.WaitUntilClosed();
  });
  const auto transport = TransportTo(server.url());
  std::stop_source stop;
  auto response = std::async(std::launch::async, [&] {
    return transport->Stream(Watch(60s), [](std::string_view) { return StreamControl::kContinue; }, stop.get_token());
  });
  ASSERT_TRUE(server.WaitForRequests(1));

  stop.request_stop();

  ASSERT_EQ(response.wait_for(5s), std::future_status::ready);
  EXPECT_EQ(response.get().error().code, ErrorCode::kCancelled);
}

TEST(CppRestTransportStreamTest, ASlowSinkSlowsTheServerDown) {
  constexpr size_t kChunkBytes = 64 * 1024;
  constexpr size_t kTotalBytes = 64 << 20;
  std::promise<size_t> stalled_at;
  HttpServer server([&](const ReceivedRequest&, ServerConnection& connection) {
    const std::string chunk(kChunkBytes, 'x');
    connection.BeginChunks();
    bool stalled = false;
    for (size_t written = 0; written < kTotalBytes; written += kChunkBytes) {
      if (!stalled && !connection.IsWritable(300ms)) {
        stalled = true;
        stalled_at.set_value(written);
      }
      connection.WriteChunk(chunk);
    }
    if (!stalled) stalled_at.set_value(kTotalBytes);
    connection.EndChunks();
  });
  const auto transport = TransportTo(server.url());
  size_t received = 0;
  size_t server_stopped_at = 0;

  const Result<HttpResponse> response = transport->Stream(Watch(),
                                                          [&](std::string_view chunk) {
                                                            if (received == 0 && !chunk.empty())
                                                              server_stopped_at = stalled_at.get_future().get();
                                                            received += chunk.size();
                                                            return StreamControl::kContinue;
                                                          },
                                                          {});

  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(received, kTotalBytes);
  EXPECT_LT(server_stopped_at, kTotalBytes / 2);
}

TEST(CppRestTransportStreamTest, AnEndedSinkReleasesAServerThatItHadSlowedDown) {
  HttpServer server([&](const ReceivedRequest&, ServerConnection& connection) {
    const std::string chunk(1 << 20, 'x');
    connection.BeginChunks();
    while (connection.IsWritable(300ms)) connection.WriteChunk(chunk);
    connection.WaitUntilClosed();
  });
  const auto transport = TransportTo(server.url());

  const Result<HttpResponse> response =
      transport->Stream(Watch(), [](std::string_view) { return StreamControl::kStop; }, {});

  ASSERT_TRUE(response.has_value());
  EXPECT_TRUE(server.WaitForClosedConnections(1));
}

}  // namespace
}  // namespace fumehood::kube
