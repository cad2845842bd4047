#include "lib/kube/api_error.h"

#include <gmock/gmock.h>

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string StatusBody(const std::string& reason, const std::string& message, const std::string& details = "{}") {
  return R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":")" + reason + R"(","message":")" + message +
         R"(","details":)" + details + "}";
}

struct Row {
  std::string name;
  int status;
  std::string body;
  ErrorCode want_read;
  ErrorCode want_write;
};

class ErrorFromAnswerTest : public ::testing::TestWithParam<Row> {};

TEST_P(ErrorFromAnswerTest, HasTheCodeThatTheCallerBranchesOn) {
  const Row& row = GetParam();
  const HttpResponse response{.status = row.status, .body = row.body, .retry_after = {}};
  EXPECT_EQ(ErrorFromAnswer(response, RequestEffect::kRead, "get").code, row.want_read);
  EXPECT_EQ(ErrorFromAnswer(response, RequestEffect::kWrite, "patch").code, row.want_write);
}

Row Same(std::string name, int status, std::string body, ErrorCode want) {
  return {std::move(name), status, std::move(body), want, want};
}

INSTANTIATE_TEST_SUITE_P(
    Table, ErrorFromAnswerTest,
    ::testing::Values(
        Same("BadRequest", 400, StatusBody("BadRequest", "bad"), ErrorCode::kInvalid),
        Same("Unauthorized", 401, StatusBody("Unauthorized", "Unauthorized"), ErrorCode::kForbidden),
        Same("Forbidden", 403, StatusBody("Forbidden", "no"), ErrorCode::kForbidden),
        Same("NotFound", 404, StatusBody("NotFound", "none"), ErrorCode::kNotFound),
        Same("NotFoundWithoutStatus", 404, "404 page not found\\n", ErrorCode::kNotFound),
        Same("MethodNotAllowed", 405, StatusBody("MethodNotAllowed", "no"), ErrorCode::kInvalid),
        Same("NotAcceptable", 406, StatusBody("NotAcceptable", "no"), ErrorCode::kInvalid),
        Same("AlreadyExists", 409, StatusBody("AlreadyExists", "there"), ErrorCode::kAlreadyExists),
        Same("Conflict", 409, StatusBody("Conflict", "modified"), ErrorCode::kConflict),
        Same("ConflictWithoutReason", 409, "", ErrorCode::kConflict),
        Same("Expired", 410, StatusBody("Expired", "too old"), ErrorCode::kGone),
        Same("TooLargeRequest", 413, StatusBody("RequestEntityTooLarge", "limit is 3145728"), ErrorCode::kTooLarge),
        Same("UnsupportedMediaType", 415, StatusBody("UnsupportedMediaType", "no"), ErrorCode::kInvalid),
        Same("Invalid", 422, StatusBody("Invalid", "spec.command: Required"), ErrorCode::kInvalid),
        Same("UnknownClientError", 418, "", ErrorCode::kInvalid),
        Same("TooManyRequests", 429, StatusBody("TooManyRequests", "slow down"), ErrorCode::kUnavailable),
        Row{"Internal", 500, StatusBody("InternalError", "oops"), ErrorCode::kUnavailable, ErrorCode::kOutcomeUnknown},
        Same("EtcdRequestTooLarge", 500, StatusBody("", "etcdserver: request is too large"), ErrorCode::kTooLarge),
        Same("GrpcMessageTooLarge", 500, StatusBody("", "trying to send message larger than max (3 vs. 2)"),
             ErrorCode::kTooLarge),
        Row{"BadGateway", 502, "<html>", ErrorCode::kUnavailable, ErrorCode::kOutcomeUnknown},
        Same("ServiceUnavailable", 503, StatusBody("ServiceUnavailable", "starting"), ErrorCode::kUnavailable),
        Row{"GatewayTimeout", 504, StatusBody("Timeout", "took too long"), ErrorCode::kUnavailable,
            ErrorCode::kOutcomeUnknown},
        Same("TooLargeResourceVersionByCause", 504,
             StatusBody("Timeout", "later", R"({"causes":[{"reason":"ResourceVersionTooLarge"}]})"), ErrorCode::kGone),
        Same("TooLargeResourceVersionByCauseMessage", 504,
             StatusBody("Timeout", "later", R"({"causes":[7,{"message":"Too large resource version"}]})"),
             ErrorCode::kGone),
        Same("TooLargeResourceVersionByMessage", 500, StatusBody("", "Too large resource version: 9, current: 2"),
             ErrorCode::kGone),
        Same("Redirect", 302, "", ErrorCode::kInternal), Same("Nothing", 0, "", ErrorCode::kInternal),
        Same("NestedTooDeep", 404, std::string(100000, '['), ErrorCode::kNotFound),
        Same("MembersOfOtherTypes", 409, R"({"reason":7,"message":[],"details":{"causes":{}}})", ErrorCode::kConflict)),
    [](const auto& row) { return row.param.name; });

TEST(ApiErrorTest, SaysWhatWasTriedAndWhatTheServerSaid) {
  const HttpResponse response{
      .status = 409, .body = StatusBody("Conflict", "the object has been modified"), .retry_after = {}};
  EXPECT_EQ(ErrorFromAnswer(response, RequestEffect::kWrite, "patch nodes \"n1\" status").message,
            "patch nodes \"n1\" status: conflict: the object has been modified");
}

TEST(ApiErrorTest, SaysWhenToComeBack) {
  const HttpResponse response{.status = 429, .body = "", .retry_after = 3s};
  EXPECT_EQ(ErrorFromAnswer(response, RequestEffect::kRead, "list nodes").message,
            "list nodes: unavailable: the server answered 429 (retry after 3 s)");
}

TEST(ApiErrorTest, PutsTheServersWordsOnOneShortLine) {
  std::string body = "line\nfeed";
  for (int i = 0; i < 1000; ++i) body += "\xc3\xa4";
  const std::string message =
      ErrorFromAnswer({.status = 502, .body = body, .retry_after = {}}, RequestEffect::kRead, "get").message;
  EXPECT_THAT(message, HasSubstr("line feed"));
  EXPECT_LT(message.size(), 1100U);
  EXPECT_TRUE(message.ends_with("\xc3\xa4…")) << "cut between characters";
}

TEST(ApiErrorTest, ReadsAStatusThatCameAsData) {
  const nlohmann::json status = {{"kind", "Status"}, {"code", 410}, {"reason", "Expired"}, {"message", "too old"}};
  const Error error = ErrorFromStatus(status);
  EXPECT_EQ(error.code, ErrorCode::kGone);
  EXPECT_EQ(error.message, "gone: too old");
  EXPECT_EQ(ErrorFromStatus(nlohmann::json::array()).code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace fumehood::kube
