#include "lib/kube/api_error.h"

#include <string>

#include "lib/base/json_fields.h"
#include "lib/kube/parse_json.h"

namespace fumehood::kube {
namespace {

using nlohmann::json;

constexpr size_t kMaxMessageBytes = 1000;

struct ServerStatus {
  int code = 0;
  std::string reason;
  std::string message;
  bool resource_version_too_large = false;
};

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// On one line, and cut between characters.
std::string Presentable(std::string_view text) {
  const bool cut = text.size() > kMaxMessageBytes;
  if (cut) {
    size_t end = kMaxMessageBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  std::string result;
  for (const char c : text) result += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
  while (result.ends_with(' ')) result.pop_back();
  if (cut) result += "…";
  return result;
}

// Three generations of servers say it in three ways.
bool SaysResourceVersionTooLarge(const json& status, const ServerStatus& read) {
  constexpr std::string_view kText = "Too large resource version";
  if (Contains(read.message, kText)) return true;
  const auto details = status.find("details");
  if (details == status.end() || !details->is_object()) return false;
  const auto causes = details->find("causes");
  if (causes == details->end() || !causes->is_array()) return false;
  for (const json& cause : *causes) {
    if (!cause.is_object()) continue;
    if (StringAt(cause, "reason") == "ResourceVersionTooLarge" || Contains(StringAt(cause, "message"), kText)) {
      return true;
    }
  }
  return false;
}

ServerStatus ReadStatus(const json& status) {
  ServerStatus read;
  if (!status.is_object()) return read;
  read.reason = StringAt(status, "reason");
  read.message = StringAt(status, "message");
  const auto code = status.find("code");
  if (code != status.end() && code->is_number_integer()) read.code = code->get<int>();
  read.resource_version_too_large = SaysResourceVersionTooLarge(status, read);
  return read;
}

// etcd's own limits are lower than the API server's, and come back as a 500.
bool SaysTooLarge(std::string_view message) {
  return Contains(message, "request is too large") || Contains(message, "trying to send message larger than max");
}

ErrorCode CodeOf(const ServerStatus& status, RequestEffect effect) {
  if (status.resource_version_too_large) return ErrorCode::kGone;
  if (status.reason == "AlreadyExists") return ErrorCode::kAlreadyExists;
  if (status.reason == "Expired" || status.reason == "Gone") return ErrorCode::kGone;
  switch (status.code) {
    case 400:
    case 405:
    case 406:
    case 415:
    case 422: return ErrorCode::kInvalid;
    case 401:
    case 403: return ErrorCode::kForbidden;
    case 404: return ErrorCode::kNotFound;
    case 409: return ErrorCode::kConflict;
    case 410: return ErrorCode::kGone;
    case 413: return ErrorCode::kTooLarge;
    case 408:
    case 429:
    case 503: return ErrorCode::kUnavailable;
    default: break;
  }
  if (status.code < 500) return status.code >= 400 ? ErrorCode::kInvalid : ErrorCode::kInternal;
  if (SaysTooLarge(status.message)) return ErrorCode::kTooLarge;
  return effect == RequestEffect::kRead ? ErrorCode::kUnavailable : ErrorCode::kOutcomeUnknown;
}

std::string Explain(const ServerStatus& status, ErrorCode code) {
  const std::string message = Presentable(status.message);
  if (message.empty()) return fmt::format("{}: the server answered {}", ToString(code), status.code);
  return fmt::format("{}: {}", ToString(code), message);
}

}  // namespace

Error ErrorFromAnswer(const HttpResponse& response, RequestEffect effect, std::string_view what) {
  ServerStatus status;
  if (const Result<json> body = ParseJson(response.body); body.has_value()) {
    status = ReadStatus(*body);
  } else {
    status.message = response.body;  // of a proxy, say
  }
  status.code = response.status;  // the body may lack it, or lie
  const ErrorCode code = CodeOf(status, effect);
  Error error{code, fmt::format("{}: {}", what, Explain(status, code))};
  if (response.retry_after) error.message += fmt::format(" (retry after {} s)", response.retry_after->count());
  return error;
}

Error ErrorFromStatus(const json& status) {
  const ServerStatus read = ReadStatus(status);
  const ErrorCode code = CodeOf(read, RequestEffect::kRead);
  return {code, Explain(read, code)};
}

}  // namespace fumehood::kube
