#include "lib/kube/observed_transport.h"

#include <optional>
#include <utility>

namespace fumehood::kube {
namespace {

ObservedExchange Describe(const HttpRequest& request, const Result<HttpResponse>& response,
                          std::chrono::nanoseconds duration) {
  ObservedExchange exchange{.method = request.method,
                            .traffic = request.traffic,
                            .status = std::nullopt,
                            .duration = duration,
                            .request_bytes = request.body.size()};
  if (response.has_value()) {
    exchange.status = response->status;
    exchange.response_bytes = response->body.size();
  }
  return exchange;
}

}  // namespace

Result<HttpResponse> ObservedTransport::Send(const HttpRequest& request, std::stop_token stop) {
  const SteadyTime begin = clock_.SteadyNow();
  Result<HttpResponse> response = transport_.Send(request, std::move(stop));
  observer_.OnExchange(Describe(request, response, clock_.SteadyNow() - begin));
  return response;
}

Result<HttpResponse> ObservedTransport::Stream(const HttpRequest& request, const ChunkSink& sink,
                                               std::stop_token stop) {
  const SteadyTime begin = clock_.SteadyNow();
  bool told = false;
  const auto observed_sink = [&](std::string_view chunk) {
    if (!std::exchange(told, true)) {
      observer_.OnExchange(Describe(request, HttpResponse{200, "", std::nullopt}, clock_.SteadyNow() - begin));
    }
    return sink(chunk);
  };
  Result<HttpResponse> response = transport_.Stream(request, observed_sink, std::move(stop));
  if (!told) observer_.OnExchange(Describe(request, response, clock_.SteadyNow() - begin));
  return response;
}

}  // namespace fumehood::kube
