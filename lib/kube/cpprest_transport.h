#pragma once

#include <memory>

#include "lib/kube/config.h"
#include "lib/kube/transport.h"

namespace fumehood::kube {

// HttpTransport over cpprestsdk, which is included by this class' .cc only. One HTTP/1.1 connection pool per
// traffic class; one io thread in the process for all of them.
//
// Each write must have a body (a DELETE its DeleteOptions): cpprestsdk sends a request without one, or with
// one that it can rewind, a second time when a pooled connection breaks. Ours it cannot rewind. Limits: a
// body of 256 MiB, and of 1 MiB where the answer is a failure of a stream. The server is trusted with the
// size of one chunk and of the headers, which cpprestsdk holds whole in memory.
//
// cpprestsdk has process-wide state: create at most one transport at a time, and let main leave by
// ExitProcess() after it is destroyed.
class CppRestTransport final : public HttpTransport {
 public:
  // Parses certificates and keys. The API server need not be reachable. kInvalid for a server that is named
  // by an IPv6 address, which cpprestsdk cannot connect to, and for credentials that plain http would disclose.
  static Result<std::unique_ptr<CppRestTransport>> Create(ClientConfig config);
  // Cancels what is under way and waits for it; at worst for a host name that is being resolved.
  ~CppRestTransport() override;

  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop) override;
  Result<HttpResponse> Stream(const HttpRequest& request, const ChunkSink& sink, std::stop_token stop) override;

 private:
  class Impl;
  explicit CppRestTransport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Ends the process without running the destructors of static objects: cpprestsdk's would take its io thread's
// work away under it. Writes out stdio's buffers; every other buffer is the caller's.
[[noreturn]] void ExitProcess(int code);

}  // namespace fumehood::kube
