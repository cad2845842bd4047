// The small pieces that a request and its answer are made of.
#include <gmock/gmock.h>

#include <cerrno>

#include "lib/kube/http_exchange.h"
#include "lib/kube/http_failure.h"
#include "lib/kube/parse_json.h"
#include "lib/kube/request_target.h"
#include "lib/kube/server_url.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

TEST(RequestTargetTest, EscapesAllButUnreservedCharacters) {
  EXPECT_EQ(PercentEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(PercentEncode(" /?#&=%+\xff"), "%20%2F%3F%23%26%3D%25%2B%FF");
  EXPECT_EQ(PercentEncode(std::string_view("\0\n", 2)), "%00%0A");
}

TEST(ServerUrlTest, ReadsTheParts) {
  struct Row {
    std::string text;
    std::string host;
    int port;
    std::string prefix;
    std::string want;
  };
  for (const Row& row :
       {Row{"https://a", "a", 443, "", "https://a:443"}, Row{"http://a/", "a", 80, "", "http://a:80"},
        Row{"https://10.0.0.1:6443/k8s/c1/", "10.0.0.1", 6443, "/k8s/c1", "https://10.0.0.1:6443/k8s/c1"},
        Row{"https://[fd00::1]:6443", "fd00::1", 6443, "", "https://[fd00::1]:6443"}}) {
    const Result<ServerUrl> url = ParseServerUrl(row.text);
    ASSERT_TRUE(url.has_value()) << row.text;
    EXPECT_EQ(url->host, row.host);
    EXPECT_EQ(url->port, row.port);
    EXPECT_EQ(url->path_prefix, row.prefix);
    EXPECT_EQ(ToString(*url), row.want);
  }
}

TEST(ServerUrlTest, RefusesWhatIsNoServer) {
  for (const std::string text :
       {"", "a:6443", "ftp://a", "https://", "https://a:", "https://a:0", "https://a:65536", "https://a:1x",
        "https://a:+1", "https://user@a", "https://a b", "https://[::1", "https://[a]:1", "https://[::1]x",
        "https://a/b?c", "https://a/b#c", "https://a//b c", "https://a\r\n", "https://::1:6443"}) {
    EXPECT_EQ(ParseServerUrl(text).error().code, ErrorCode::kInvalid) << text;
  }
}

TEST(ParseJsonTest, RefusesDeepNestingAndNonsense) {
  EXPECT_EQ(ParseJson(R"({"a":"[[[\"{{"})")->at("a"), "[[[\"{{");
  EXPECT_TRUE(ParseJson(std::string(200, '[') + std::string(200, ']')).has_value());
  EXPECT_FALSE(ParseJson(std::string(201, '[') + std::string(201, ']')).has_value());
  EXPECT_FALSE(ParseJson(std::string(1 << 20, '[')).has_value());
  for (const std::string text : {"", "{", "{\"a\":\"\xff\"}", "1 2"}) {
    EXPECT_EQ(ParseJson(text).error().code, ErrorCode::kInternal) << text;
  }
}

TEST(HttpFailureTest, ExplainsTheNumberByTheText) {
  struct Row {
    std::string text;
    int number;
    std::string want;
  };
  for (const Row& row :
       {Row{"Failed to read HTTP status line", 2, "failed to read HTTP status line: the server closed the connection"},
        Row{"Failed to connect to any resolved endpoint", EHOSTUNREACH,
            "failed to connect to any resolved endpoint: connection refused, or no route to the host"},
        Row{"Failed to write request headers", EHOSTUNREACH,
            "failed to write request headers: the server closed the connection"},
        Row{"Failed to read response body", ECONNRESET, "failed to read response body: Connection reset by peer"},
        Row{"Error resolving address", 1, "error resolving address"}, Row{"SSL went wrong", 0, "SSL went wrong"},
        Row{"", 0, ""}}) {
    EXPECT_EQ(DescribeHttpFailure(row.text, row.number), row.want);
  }
}

class HttpExchangeTest : public ::testing::Test {
 protected:
  HttpExchange::Event Next() { return exchange_.Next(std::chrono::steady_clock::now(), stop_.get_token()); }
  HttpExchange::Intake Receive(std::string_view bytes) {
    return exchange_.OnBody(bytes, [this] { ++resumed_; });
  }

  HttpExchange exchange_{10};
  std::stop_source stop_;
  int resumed_ = 0;
};

TEST_F(HttpExchangeTest, DeliversTheHeadThenTheBodyThenTheEnd) {
  exchange_.OnHead({200, 3s});
  Receive("ab");
  Receive("cd");
  exchange_.OnEnd({.failure = "cut off"});

  EXPECT_EQ(std::get<HttpExchange::Head>(Next()).status, 200);
  EXPECT_EQ(std::get<std::string>(Next()), "ab");
  EXPECT_EQ(std::get<std::string>(Next()), "cd");
  EXPECT_EQ(std::get<HttpExchange::End>(Next()).failure, "cut off");
  EXPECT_EQ(exchange_.head()->status, 200);
  EXPECT_EQ(exchange_.head()->retry_after, 3s);
}

TEST_F(HttpExchangeTest, PausesAboveTheLimitAndResumesOnceBelow) {
  EXPECT_EQ(Receive("0123456789"), HttpExchange::Intake::kMore);
  EXPECT_EQ(Receive("x"), HttpExchange::Intake::kPause);
  EXPECT_EQ(resumed_, 0);
  Next();
  EXPECT_EQ(resumed_, 1);
  Next();
  EXPECT_EQ(resumed_, 1);
}

TEST_F(HttpExchangeTest, ClosingResumesAndRefusesTheRest) {
  Receive("0123456789x");
  exchange_.Close();
  EXPECT_EQ(resumed_, 1);
  EXPECT_EQ(Receive("y"), HttpExchange::Intake::kClosed);
}

TEST_F(HttpExchangeTest, StopComesBeforeWhatIsWaiting) {
  Receive("ab");
  stop_.request_stop();
  EXPECT_TRUE(std::holds_alternative<HttpExchange::Stopped>(Next()));
}

TEST_F(HttpExchangeTest, TheDeadlineEndsTheWait) {
  EXPECT_TRUE(std::holds_alternative<HttpExchange::TimedOut>(Next()));
}

}  // namespace
}  // namespace fumehood::kube
