#include "lib/service/http_endpoint.h"

#include <civetweb.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "lib/base/sleep.h"

namespace fumehood::service {
namespace {

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
// https://prometheus.io/docs/instrumenting/exposition_formats/
constexpr std::string_view kPrometheusText = "text/plain; version=0.0.4; charset=utf-8";

struct HostAndPort {
  std::string host;  // empty: all addresses
  unsigned port = 0;
};

// civetweb's own syntax has lists and letters with a meaning, which must not get in through the host or the port.
Result<HostAndPort> ParseAddress(std::string_view address) {
  const auto invalid = [&] {
    return Fail(ErrorCode::kInvalid, "\"{}\" is not an address to listen on: use host:port or :port", address);
  };
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return invalid();
  const std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number > 65'535) return invalid();
  const bool in_brackets = host.starts_with('[') && host.ends_with(']');
  const bool plausible = std::ranges::all_of(host, [&](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || (in_brackets && (c == ':' || c == '[' || c == ']'));
  });
  if (!plausible) return invalid();
  return HostAndPort{std::string(host), number};
}

bool AsksForAll(std::string_view query) {
  return query == "verbose" || query.starts_with("verbose&") || query.starts_with("verbose=") ||
         query.find("&verbose") != std::string_view::npos;
}

// "/readyz/ledger" of the probe "readyz" is "ledger", "/readyz" is ""; nothing where the path is another one.
std::optional<std::string_view> CheckOf(std::string_view path, std::string_view probe) {
  if (!path.starts_with('/') || !path.substr(1).starts_with(probe)) return std::nullopt;
  path.remove_prefix(1 + probe.size());
  if (path.empty()) return path;
  if (!path.starts_with('/')) return std::nullopt;
  return path.substr(1);
}

}  // namespace

struct HttpEndpoint::Answer {
  int status = 200;
  std::string_view content_type = kPlainText;
  std::string body = {};
};

Result<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Start(std::string_view address, EndpointContent content) {
  if (address.empty() || address == "0") return nullptr;
  std::unique_ptr<HttpEndpoint> endpoint(new HttpEndpoint(std::move(content)));
  if (Status listening = endpoint->Listen(address); !listening) return Forward(std::move(listening));
  return endpoint;
}

HttpEndpoint::~HttpEndpoint() {
  if (server_ == nullptr) return;
  // mg_stop would wait for a poll that ends after two seconds, or with a connection.
  const std::jthread knock([this](std::stop_token stopped) {
    do {
      std::array<char, 64> why_not{};
      mg_close_connection(mg_connect_client(host_.c_str(), port_, /*use_ssl=*/0, why_not.data(), why_not.size()));
    } while (SleepUnlessStopped(std::chrono::milliseconds(10), stopped));
  });
  mg_stop(server_);
}

Status HttpEndpoint::Listen(std::string_view address) {
  const auto parsed = ParseAddress(address);
  if (!parsed) return std::unexpected(parsed.error());
  host_ = parsed->host.empty() ? "localhost" : parsed->host;
  const std::string ports = fmt::format("{}{}", parsed->host.empty() ? "+" : parsed->host + ":", parsed->port);
  // request_timeout_ms is for the whole head of a request, and for each part of an answer. What waits for a thread
  // waits in connection_queue and listen_backlog. A connection that were kept alive would keep its thread.
  std::array options = {"listening_ports",
                        ports.c_str(),
                        "num_threads",
                        "8",
                        "request_timeout_ms",
                        "1000",
                        "max_request_size",
                        "16384",
                        "connection_queue",
                        "32",
                        "listen_backlog",
                        "64",
                        "enable_keep_alive",
                        "no",
                        static_cast<const char*>(nullptr)};
  mg_callbacks callbacks{};
  callbacks.begin_request = OnRequest;
  callbacks.http_error = OnError;
  callbacks.log_message = OnMessage;
  mg_init_data start{.callbacks = &callbacks, .user_data = this, .configuration_options = options.data()};
  mg_init_library(MG_FEATURES_IPV6);
  server_ = mg_start2(&start, nullptr);
  if (server_ == nullptr) {
    const std::lock_guard lock(mutex_);
    return Fail(ErrorCode::kUnavailable, "listen on \"{}\": {}", address, first_message_);
  }
  mg_server_port listening{};
  if (mg_get_server_ports(server_, 1, &listening) == 1) port_ = listening.port;
  return {};
}

HttpEndpoint::Answer HttpEndpoint::Respond(std::string_view method, std::string_view path,
                                           std::string_view query) const {
  const bool known = path == "/metrics" ? content_.metrics != nullptr
                                        : CheckOf(path, "livez") || CheckOf(path, "healthz") || CheckOf(path, "readyz");
  if (!known) return {.status = 404, .body = "not found\n"};
  if (method != "GET" && method != "HEAD") return {.status = 405, .body = "only GET and HEAD\n"};
  if (path == "/metrics") return {.content_type = kPrometheusText, .body = content_.metrics()};

  const auto detail = AsksForAll(query) ? HealthChecks::Detail::kAll : HealthChecks::Detail::kFailures;
  HealthChecks::Answer answer;
  if (const auto ready = CheckOf(path, "readyz")) {
    answer = content_.ready.Ask("readyz", *ready, detail);
  } else if (const auto live = CheckOf(path, "livez")) {
    answer = content_.live.Ask("livez", *live, detail);
  } else {
    answer = content_.live.Ask("healthz", CheckOf(path, "healthz").value_or(""), detail);
  }
  switch (answer.verdict) {
    case HealthChecks::Verdict::kHealthy: return {.body = std::move(answer.text)};
    case HealthChecks::Verdict::kUnhealthy: break;
    case HealthChecks::Verdict::kNoSuchCheck: return {.status = 404, .body = std::move(answer.text)};
  }
  return {.status = 500, .body = std::move(answer.text)};
}

int HttpEndpoint::OnRequest(mg_connection* connection) noexcept {
  const mg_request_info& request = *mg_get_request_info(connection);
  const auto* endpoint = static_cast<const HttpEndpoint*>(request.user_data);
  const auto text = [](const char* value) { return std::string_view(value == nullptr ? "" : value); };
  const std::string_view method = text(request.request_method);
  const Answer answer = endpoint->Respond(method, text(request.local_uri), text(request.query_string));
  Write(connection, answer, method == "HEAD" ? Part::kHeaders : Part::kAll);
  return answer.status;
}

int HttpEndpoint::OnError(mg_connection* connection, int status, const char* message) noexcept {
  Write(connection, {.status = status, .body = std::string(message) + "\n"}, Part::kAll);
  return 0;
}

void HttpEndpoint::Write(mg_connection* connection, const Answer& answer, Part part) {
  std::string bytes = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}X-Content-Type-Options: nosniff\r\n"
      "Cache-Control: no-cache\r\nConnection: close\r\n\r\n",
      answer.status, mg_get_response_code_text(connection, answer.status), answer.content_type, answer.body.size(),
      answer.status == 405 ? "Allow: GET, HEAD\r\n" : "");
  if (part == Part::kAll) bytes += answer.body;
  mg_write(connection, bytes.data(), bytes.size());  // whether somebody takes it is not our business
}

int HttpEndpoint::OnMessage(const mg_connection* connection, const char* message) noexcept {
  auto* endpoint = static_cast<HttpEndpoint*>(mg_get_user_data(mg_get_context(connection)));
  const std::lock_guard lock(endpoint->mutex_);
  if (endpoint->first_message_.empty()) endpoint->first_message_ = message;
  return 1;  // what clients do wrong is not for our log
}

}  // namespace fumehood::service
