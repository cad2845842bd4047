#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "lib/base/unique_fd.h"
#include "tests/fakes/test_certificates.h"

namespace fumehood::kube {

struct ReceivedRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  size_t connection = 0;    // the first one is 1
  std::string client_name;  // of the client's certificate, "" without one
  std::string server_name;  // that the client asked for (SNI)
};

// A handler's side of one connection. What is written to a closed one is lost silently.
class ServerConnection {
 public:
  virtual ~ServerConnection() = default;

  virtual void Write(std::string_view bytes) = 0;
  // Whether the client would take bytes within `patience`.
  virtual bool IsWritable(std::chrono::milliseconds patience) = 0;
  // Until the client has closed the connection, or the server is being destroyed.
  virtual void WaitUntilClosed() = 0;
  virtual void Close() = 0;

  // A whole answer with a Content-Length; `headers` are lines that end with \r\n.
  void Respond(int status, std::string_view body, std::string_view headers = "");
  void BeginChunks(int status = 200);
  void WriteChunk(std::string_view bytes);
  void EndChunks();
};

// An HTTP/1.1 server on loopback with a thread for each connection, which does what its handler says.
// Connections are kept alive until the handler closes them.
class HttpServer {
 public:
  struct Tls {
    CertificateAndKey identity;
    std::string client_authority_pem = {};  // empty: client certificates are not asked for
  };
  using Handler = std::function<void(const ReceivedRequest& request, ServerConnection& connection)>;

  explicit HttpServer(Handler handler, std::optional<Tls> tls = std::nullopt);
  ~HttpServer();  // ends all connections
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const { return port_; }
  std::string url(const std::string& host = "127.0.0.1") const;
  std::vector<ReceivedRequest> requests() const;
  // False when they have not come within 10 s.
  bool WaitForRequests(size_t count) const;
  bool WaitForClosedConnections(size_t count) const;

 private:
  class Connection;

  void Accept();
  void Serve(std::unique_ptr<Connection> connection);
  bool WaitFor(const std::function<bool()>& condition) const;

  const Handler handler_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> tls_;
  UniqueFd listener_;
  UniqueFd stop_event_;  // readable when the server is being destroyed
  int port_ = 0;

  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable changed_;
  std::vector<ReceivedRequest> requests_;
  size_t closed_connections_ = 0;
  std::list<std::thread> threads_;

  std::thread acceptor_;
};

}  // namespace fumehood::kube
