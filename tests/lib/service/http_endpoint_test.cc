#include "lib/service/http_endpoint.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "lib/base/unique_fd.h"

namespace fumehood::service {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A client's side of one connection.
class Connection {
 public:
  explicit Connection(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = 30, .tv_usec = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr generic{};
    std::memcpy(&generic, &address, sizeof generic);
    connected_ = connect(socket_.get(), &generic, sizeof address) == 0;
  }

  bool connected() const { return connected_; }

  void Send(const std::string& bytes) { send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }

  // Until the server closes the connection.
  std::string ReadAll() {
    std::string all;
    std::array<char, 65'536> buffer{};
    for (ssize_t got = 0; (got = recv(socket_.get(), buffer.data(), buffer.size(), 0)) > 0;) {
      all.append(buffer.data(), static_cast<size_t>(got));
    }
    return all;
  }

 private:
  UniqueFd socket_;
  bool connected_ = false;
};

class HttpEndpointTest : public testing::Test {
 protected:
  void SetUp() override {
    EndpointContent content;
    content.live.Add("ledger", [this]() -> Status { return ledger_; });
    content.ready.Add("watch-commands", []() -> Status { return {}; });
    content.metrics = [this] { return metrics_; };
    auto started = HttpEndpoint::Start("127.0.0.1:0", std::move(content));
    ASSERT_TRUE(started) << started.error().message;
    endpoint_ = *std::move(started);
    ASSERT_NE(endpoint_->port(), 0);
  }

  std::string Ask(const std::string& request_line, const std::string& headers = "") {
    Connection connection(endpoint_->port());
    connection.Send(request_line + " HTTP/1.1\r\nHost: test\r\n" + headers + "\r\n");
    return connection.ReadAll();
  }

  Status ledger_;
  std::string metrics_ = "# TYPE a counter\na 1\n";
  std::unique_ptr<HttpEndpoint> endpoint_;  // last: it uses all of the above
};

TEST_F(HttpEndpointTest, ServesProbesAndMetrics) {
  EXPECT_THAT(Ask("GET /livez"), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\nok")));
  EXPECT_THAT(Ask("GET /healthz?verbose"), EndsWith("\r\n\r\n[+]ledger ok\nhealthz check passed\n"));
  EXPECT_THAT(Ask("GET /readyz/watch-commands"), EndsWith("\r\n\r\nok"));
  EXPECT_THAT(Ask("GET /metrics"), AllOf(HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
                                         EndsWith("\r\n\r\n# TYPE a counter\na 1\n")));
}

TEST_F(HttpEndpointTest, AFailedCheckIsAFailedProbe) {
  ledger_ = Fail(ErrorCode::kUnavailable, "disk full");
  EXPECT_THAT(Ask("GET /livez"),
              AllOf(StartsWith("HTTP/1.1 500 "), EndsWith("[-]ledger failed: disk full\nlivez check failed\n")));
  EXPECT_THAT(Ask("GET /readyz"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpEndpointTest, HeadHasTheHeadersAlone) {
  EXPECT_THAT(Ask("HEAD /livez"),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Length: 2\r\n"), EndsWith("\r\n\r\n")));
}

struct RefusedRow {
  std::string name;
  std::string request_line;
  std::string headers;
  std::string want;
};

class RefusedTest : public HttpEndpointTest, public testing::WithParamInterface<RefusedRow> {};

TEST_P(RefusedTest, IsRefused) {
  EXPECT_THAT(Ask(GetParam().request_line, GetParam().headers), StartsWith(GetParam().want));
}

INSTANTIATE_TEST_SUITE_P(Requests, RefusedTest,
                         testing::Values(RefusedRow{"UnknownPath", "GET /etc/passwd", "", "HTTP/1.1 404 "},
                                         RefusedRow{"Root", "GET /", "", "HTTP/1.1 404 "},
                                         RefusedRow{"PathThatOnlyBeginsLikeAProbe", "GET /readyzz", "",
                                                    "HTTP/1.1 404 "},
                                         RefusedRow{"UnknownCheck", "GET /readyz/nothing", "", "HTTP/1.1 404 "},
                                         RefusedRow{"Traversal", "GET /readyz/../../etc/passwd", "", "HTTP/1.1 404 "},
                                         RefusedRow{"Post", "POST /readyz", "Content-Length: 0\r\n", "HTTP/1.1 405 "},
                                         RefusedRow{"Options", "OPTIONS /metrics", "", "HTTP/1.1 405 "},
                                         RefusedRow{"NoHttp", "nonsense", "", "HTTP/1.1 400 "},
                                         RefusedRow{"HeadersWithoutBound", "GET /livez",
                                                    "X: " + std::string(20'000, 'x') + "\r\n", "HTTP/1.1 400 "}),
                         [](const auto& row) { return row.param.name; });

TEST_F(HttpEndpointTest, MetricsAreNotThereWhereTheyAreNotServed) {
  auto without = HttpEndpoint::Start("127.0.0.1:0", {});
  ASSERT_TRUE(without);
  Connection connection((*without)->port());
  connection.Send("GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_THAT(connection.ReadAll(), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpEndpointTest, AddressInUseIsSaid) {
  const std::string address = "127.0.0.1:" + std::to_string(endpoint_->port());
  const auto second = HttpEndpoint::Start(address, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, AllOf(StartsWith("listen on \"" + address + "\": "), HasSubstr("in use")));
}

TEST_F(HttpEndpointTest, ClientsThatSayNothingDelayAProbeByABoundedTime) {
  constexpr int kSilent = 16;
  std::vector<std::unique_ptr<Connection>> silent;
  for (int i = 0; i < kSilent; ++i) {
    silent.push_back(std::make_unique<Connection>(endpoint_->port()));
    ASSERT_TRUE(silent.back()->connected());
    if (i % 2 == 0) silent.back()->Send("GET /livez HTTP/1.1\r\nHost: te");  // and no more
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(Ask("GET /livez"), StartsWith("HTTP/1.1 200 "));
  // The header promises 16 / 8 + 1 = 3 s; the rest is for a machine with other things to do.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(HttpEndpointTest, ClientsThatTakeNothingDelayAProbeByABoundedTime) {
  metrics_.assign(16U << 20, 'x');  // more than socket buffers take
  std::vector<std::unique_ptr<Connection>> deaf;
  for (int i = 0; i < 8; ++i) {
    deaf.push_back(std::make_unique<Connection>(endpoint_->port()));
    deaf.back()->Send("GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n");
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(Ask("GET /livez"), StartsWith("HTTP/1.1 200 "));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(HttpEndpointTest, EndsWhileClientsSayNothing) {
  const Connection silent(endpoint_->port());
  const auto begin = std::chrono::steady_clock::now();
  endpoint_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(HttpEndpointAddressTest, NoAddressIsNoEndpoint) {
  for (const char* address : {"", "0"}) {
    const auto endpoint = HttpEndpoint::Start(address, {});
    ASSERT_TRUE(endpoint) << address;
    EXPECT_EQ(*endpoint, nullptr);
  }
}

TEST(HttpEndpointAddressTest, WithoutHostItListensOnAllAddresses) {
  const auto endpoint = HttpEndpoint::Start(":0", {});
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  Connection connection((*endpoint)->port());
  connection.Send("GET /readyz HTTP/1.1\r\nHost: test\r\n\r\n");
  EXPECT_THAT(connection.ReadAll(), EndsWith("ok"));
}

TEST(HttpEndpointAddressTest, AnythingElseIsInvalid) {
  for (const char* address : {"8080", "localhost", "localhost:", "localhost:http", ":80s", ":1,:2", "a,b:80", ":65536",
                              ":-1", "::1:80", "+:1"}) {
    const auto endpoint = HttpEndpoint::Start(address, {});
    ASSERT_FALSE(endpoint) << address;
    EXPECT_EQ(endpoint.error().code, ErrorCode::kInvalid) << address;
  }
}

}  // namespace
}  // namespace fumehood::service
