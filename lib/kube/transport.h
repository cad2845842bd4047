// What the Kubernetes client needs from an HTTP library: two calls. Everything above this line is independent of it.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace fumehood::kube {

enum class HttpMethod { kGet, kPost, kPatch, kPut, kDelete };

// Kinds of traffic that must not wait for each other's connections: a leader must renew its lease however many
// reads are under way.
enum class TrafficClass { kRead, kWrite, kLease, kEvent, kWatch };

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  TrafficClass traffic = TrafficClass::kRead;
  std::string target;     // path and query, percent-encoded: "/api/v1/nodes?limit=500"
  std::string body = {};  // empty: none
  std::string content_type = "application/json";
  std::string accept = "application/json";
  // Send: the whole exchange must be over by then. Stream: the longest silence on the connection.
  std::chrono::milliseconds timeout{30'000};
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;
};

enum class StreamControl { kContinue, kStop };
using ChunkSink = std::function<StreamControl(std::string_view chunk)>;

// Safe to call from several threads. Calls block; each returns early with kCancelled when its stop token says so.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;

  // Any answer of the server is an HttpResponse, whatever its status. An Error is kUnavailable where the request
  // certainly had no effect (a read, or a write that was never sent), and kOutcomeUnknown where a write may have
  // been carried out. Never sends a write twice.
  virtual Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) = 0;

  // Hands a successful answer's body to `sink` as it arrives, on the calling thread; chunks are cut anywhere. The first
  // is empty and says that the server has answered, however long the body's first byte takes. A sink that is slow slows
  // the server down. Returns the response without a body when the server ends it or the sink says kStop; an answer of
  // 300 or above is returned with its body and never reaches the sink. An Error (kUnavailable) means that the
  // connection failed or was silent for longer than `request.timeout`.
  virtual Result<HttpResponse> Stream(const HttpRequest& request, const ChunkSink& sink, std::stop_token stop) = 0;
};

}  // namespace fumehood::kube
