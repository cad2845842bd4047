#include "tests/fakes/http_server.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>

#include <fmt/format.h>

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;

void Require(bool done, const char* what) {
  if (done) return;
  std::cerr << "test server: " << what << '\n';
  std::abort();
}

BIO* ReaderOf(const std::string& text) { return BIO_new_mem_buf(text.data(), static_cast<int>(text.size())); }

X509* ParseCertificate(const std::string& pem) {
  BIO* const reader = ReaderOf(pem);
  X509* const certificate = PEM_read_bio_X509(reader, nullptr, nullptr, nullptr);
  BIO_free(reader);
  Require(certificate != nullptr, "read a certificate");
  return certificate;
}

SSL_CTX* MakeContext(const HttpServer::Tls& tls) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  X509* const certificate = ParseCertificate(tls.identity.certificate_pem);
  BIO* const reader = ReaderOf(tls.identity.key_pem);
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(reader, nullptr, nullptr, nullptr);
  Require(SSL_CTX_use_certificate(context, certificate) == 1, "use a certificate");
  Require(SSL_CTX_use_PrivateKey(context, key) == 1, "use a key");
  EVP_PKEY_free(key);
  BIO_free(reader);
  X509_free(certificate);
  if (!tls.client_authority_pem.empty()) {
    X509* const authority = ParseCertificate(tls.client_authority_pem);
    Require(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority) == 1, "use an authority");
    X509_free(authority);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  return context;
}

std::string LowerCase(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

}  // namespace

class HttpServer::Connection final : public ServerConnection {
 public:
  Connection(UniqueFd socket, SSL_CTX* context, int stop_event, size_t number)
      : socket_(std::move(socket)), stop_event_(stop_event), number_(number) {
    if (context == nullptr) return;
    session_ = SSL_new(context);
    SSL_set_fd(session_, socket_.get());
  }
  ~Connection() override { SSL_free(session_); }

  // False: the client is gone, or doesn't trust us.
  bool Handshake() {
    if (session_ == nullptr) return true;
    // Not inside SSL_accept for ever: a client may never begin.
    return WaitReadable() && SSL_accept(session_) == 1;
  }

  std::optional<ReceivedRequest> ReadRequest() {
    size_t head_end;
    while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!ReadMore()) return std::nullopt;
    }
    ReceivedRequest request = ParseHead(received_.substr(0, head_end + 2));
    received_.erase(0, head_end + 4);
    const auto length = request.headers.find("content-length");
    const size_t body_bytes = length == request.headers.end() ? 0 : std::stoul(length->second);
    while (received_.size() < body_bytes) {
      if (!ReadMore()) return std::nullopt;
    }
    request.body = received_.substr(0, body_bytes);
    received_.erase(0, body_bytes);
    return request;
  }

  void Write(std::string_view bytes) override {
    while (!bytes.empty() && socket_.valid()) {
      const ssize_t count = session_ != nullptr ? SSL_write(session_, bytes.data(), static_cast<int>(bytes.size()))
                                                : send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return Close();
      bytes.remove_prefix(static_cast<size_t>(count));
    }
  }

  bool IsWritable(std::chrono::milliseconds patience) override {
    pollfd out{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
    return poll(&out, 1, static_cast<int>(patience.count())) == 1;
  }

  void WaitUntilClosed() override {
    std::array<char, 4096> rest;
    while (socket_.valid() && WaitReadable() && recv(socket_.get(), rest.data(), rest.size(), 0) > 0) {
    }
  }

  void Close() override {
    if (session_ != nullptr && socket_.valid()) SSL_shutdown(session_);
    socket_.Reset();
  }

  bool is_open() const { return socket_.valid(); }

 private:
  bool WaitReadable() {
    std::array<pollfd, 2> fds{
        {{.fd = socket_.get(), .events = POLLIN, .revents = 0}, {.fd = stop_event_, .events = POLLIN, .revents = 0}}};
    poll(fds.data(), fds.size(), -1);
    return fds[1].revents == 0;
  }

  bool ReadMore() {
    std::array<char, 16384> buffer;
    if ((session_ == nullptr || SSL_pending(session_) == 0) && !WaitReadable()) return false;
    const ssize_t count = session_ != nullptr ? SSL_read(session_, buffer.data(), static_cast<int>(buffer.size()))
                                              : recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0) return false;
    received_.append(buffer.data(), static_cast<size_t>(count));
    return true;
  }

  ReceivedRequest ParseHead(std::string_view head) {
    ReceivedRequest request{.method = {},
                            .target = {},
                            .headers = {},
                            .body = {},
                            .connection = number_,
                            .client_name = {},
                            .server_name = {}};
    std::string_view first = head.substr(0, head.find("\r\n"));
    head.remove_prefix(first.size() + 2);
    request.method = first.substr(0, first.find(' '));
    first.remove_prefix(request.method.size() + 1);
    request.target = first.substr(0, first.find(' '));
    while (!head.empty()) {
      const std::string_view line = head.substr(0, head.find("\r\n"));
      head.remove_prefix(line.size() + 2);
      const size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      const size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
      request.headers[LowerCase(std::string(line.substr(0, colon)))] = line.substr(value);
    }
    if (session_ != nullptr) {
      if (const char* const name = SSL_get_servername(session_, TLSEXT_NAMETYPE_host_name)) request.server_name = name;
      if (X509* const peer = SSL_get1_peer_certificate(session_)) {
        std::array<char, 256> name{};
        X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name.data(), name.size());
        request.client_name = name.data();
        X509_free(peer);
      }
    }
    return request;
  }

  UniqueFd socket_;
  const int stop_event_;
  const size_t number_;
  SSL* session_ = nullptr;
  std::string received_;
};

void ServerConnection::Respond(int status, std::string_view body, std::string_view headers) {
  Write(fmt::format("HTTP/1.1 {} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{}", status,
                    body.size(), headers, body));
}

void ServerConnection::BeginChunks(int status) {
  Write(
      fmt::format("HTTP/1.1 {} Said\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", status));
}

void ServerConnection::WriteChunk(std::string_view bytes) { Write(fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes)); }

void ServerConnection::EndChunks() { Write("0\r\n\r\n"); }

HttpServer::HttpServer(Handler handler, std::optional<Tls> tls)
    : handler_(std::move(handler)),
      tls_(tls ? MakeContext(*tls) : nullptr, SSL_CTX_free),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_event_(eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  Require(bind(listener_.get(), generic, size) == 0, "bind");
  Require(listen(listener_.get(), 64) == 0, "listen");
  Require(getsockname(listener_.get(), generic, &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

HttpServer::~HttpServer() {
  const uint64_t one = 1;
  Require(write(stop_event_.get(), &one, sizeof(one)) == sizeof(one), "stop");
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
}

std::string HttpServer::url(const std::string& host) const {
  return fmt::format("{}://{}:{}", tls_ ? "https" : "http", host, port_);
}

std::vector<ReceivedRequest> HttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool HttpServer::WaitForRequests(size_t count) const {
  return WaitFor([&] { return requests_.size() >= count; });
}

bool HttpServer::WaitForClosedConnections(size_t count) const {
  return WaitFor([&] { return closed_connections_ >= count; });
}

bool HttpServer::WaitFor(const std::function<bool()>& condition) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, std::chrono::system_clock::now() + kPatience, condition);
}

void HttpServer::Accept() {
  for (size_t number = 1;; ++number) {
    std::array<pollfd, 2> fds{{{.fd = listener_.get(), .events = POLLIN, .revents = 0},
                               {.fd = stop_event_.get(), .events = POLLIN, .revents = 0}}};
    poll(fds.data(), fds.size(), -1);
    if (fds[1].revents != 0) return;
    UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.valid()) continue;
    auto connection = std::make_unique<Connection>(std::move(socket), tls_.get(), stop_event_.get(), number);
    const std::lock_guard lock(mutex_);
    threads_.emplace_back([this, connection = std::move(connection)]() mutable { Serve(std::move(connection)); });
  }
}

void HttpServer::Serve(std::unique_ptr<Connection> connection) {
  // OpenSSL writes without MSG_NOSIGNAL.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);

  if (connection->Handshake()) {
    while (connection->is_open()) {
      const std::optional<ReceivedRequest> request = connection->ReadRequest();
      if (!request) break;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(*request);
      }
      changed_.notify_all();
      handler_(*request, *connection);
    }
  }
  connection->Close();
  {
    const std::lock_guard lock(mutex_);
    ++closed_connections_;
  }
  changed_.notify_all();
}

}  // namespace fumehood::kube
