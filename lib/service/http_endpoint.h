#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/result.h"
#include "lib/service/health_checks.h"

struct mg_connection;
struct mg_context;

namespace fumehood::service {

// What an endpoint serves. Everything in it is called from several threads at once.
struct EndpointContent {
  HealthChecks live;                     // /livez, and /healthz, its older name
  HealthChecks ready;                    // /readyz
  std::function<std::string()> metrics;  // /metrics, in Prometheus' text format; null: not served here
};

// Answers kubelets and Prometheus over plain HTTP, with threads of its own, until destroyed. Whatever the content
// refers to must outlive it.
//
//   GET /readyz                  200 "ok", or 500 and every check
//   GET /readyz?verbose          every check
//   GET /readyz/watch-commands   this check alone
//   GET /metrics
//
// Anybody in the cluster may connect, so a client can take a thread from others only for a while: eight threads serve
// one request per connection, and one that does not send its whole request within a second, or takes nothing of its
// answer for a second, is closed. A probe that comes behind N such clients is answered within (N / 8 + 1) seconds. A
// request has 16 KiB at most, and its body is not read.
class HttpEndpoint {
 public:
  // `address` is "host:port" or ":port" (all addresses, of IPv6 too); port 0 chooses one. An empty address or "0" is no
  // endpoint: null. kInvalid for any other text; kUnavailable when the address is in use or not ours.
  static Result<std::unique_ptr<HttpEndpoint>> Start(std::string_view address, EndpointContent content);
  // Waits for the answers under way.
  ~HttpEndpoint();
  HttpEndpoint(const HttpEndpoint&) = delete;
  HttpEndpoint& operator=(const HttpEndpoint&) = delete;

  // Where it listens.
  int port() const { return port_; }

 private:
  struct Answer;
  enum class Part { kHeaders, kAll };

  explicit HttpEndpoint(EndpointContent content) : content_(std::move(content)) {}
  Status Listen(std::string_view address);
  Answer Respond(std::string_view method, std::string_view path, std::string_view query) const;
  static void Write(mg_connection* connection, const Answer& answer, Part part);

  // civetweb's callbacks; an exception must not pass through C.
  static int OnRequest(mg_connection* connection) noexcept;
  // For what civetweb refuses itself. Its own answer has a date, made by gmtime(), which threads must not share.
  static int OnError(mg_connection* connection, int status, const char* message) noexcept;
  static int OnMessage(const mg_connection* connection, const char* message) noexcept;

  const EndpointContent content_;
  mg_context* server_ = nullptr;
  std::string host_;  // where it can be reached from within
  int port_ = 0;

  std::mutex mutex_;           // guards what follows
  std::string first_message_;  // of civetweb: when it can't start, the reason
};

}  // namespace fumehood::service
