#pragma once

#include <stop_token>

#include "lib/base/time.h"
#include "lib/kube/observers.h"
#include "lib/kube/transport.h"

namespace fumehood::kube {

// Another transport, with somebody told of each exchange: once it is over, or, of a stream, when it has begun. All
// three it is given must outlive it.
class ObservedTransport final : public HttpTransport {
 public:
  ObservedTransport(HttpTransport& transport, TransportObserver& observer, const Clock& clock)
      : transport_(transport), observer_(observer), clock_(clock) {}

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) override;
  Result<HttpResponse> Stream(const HttpRequest& request, const ChunkSink& sink, std::stop_token stop) override;

 private:
  HttpTransport& transport_;
  TransportObserver& observer_;
  const Clock& clock_;
};

}  // namespace fumehood::kube
