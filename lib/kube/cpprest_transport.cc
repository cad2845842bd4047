#include "lib/kube/cpprest_transport.h"

#include <cpprest/http_client.h>
#include <cpprest/producerconsumerstream.h>
#include <poll.h>
#include <pplx/threadpool.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ssl.hpp>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <mutex>

#include "lib/kube/http_exchange.h"
#include "lib/kube/http_failure.h"
#include "lib/kube/request_target.h"
#include "lib/kube/server_url.h"
#include "lib/kube/tls_credentials.h"
#include "lib/kube/token_source.h"

namespace fumehood::kube {
namespace {

using namespace std::chrono_literals;
using web::http::client::http_client;
using web::http::client::http_client_config;

constexpr size_t kMaxBodyBytes = 256 << 20;
constexpr size_t kMaxFailureBytes = 1 << 20;
constexpr size_t kMaxWaitingBytes = 1 << 20;
// Requests that meet a connection which died in the pool are sent again on another one.
constexpr int kMaxDeadConnections = 64;
constexpr size_t kTrafficClasses = 5;
// cpprestsdk's own timer runs on while the sink is busy, so the limits are kept by the calling threads instead.
constexpr auto kLibraryTimeout = 24h;

boost::asio::io_service& IoThread() { return crossplat::threadpool::shared_instance().service(); }

// With exactly one io thread, handlers, timers and cancellations never run at the same time;
// cpprestsdk 2.10.18 is not safe against that.
Status StartIoThread() {
  static const bool started = [] {
    try {
      crossplat::threadpool::initialize_with_threads(1);
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }();
  if (!started) return Fail(ErrorCode::kInternal, "cpprestsdk has been started by somebody else, with more threads");
  return {};
}

// A pooled connection that cannot be used any more; nothing has been written to it.
struct DeadConnection : std::exception {
  const char* what() const noexcept override { return "the server had closed the connection"; }
};

// On an idle connection anything to read is the server's goodbye, or an answer that nobody asked for.
void ThrowIfDead(int fd) {
  if (fd < 0) return;  // a new one, not connected yet
  pollfd idle{.fd = fd, .events = POLLIN | POLLRDHUP, .revents = 0};
  if (poll(&idle, 1, 0) != 0) throw DeadConnection();
}

web::http::method MethodOf(HttpMethod method) {
  switch (method) {
    case HttpMethod::kGet: return web::http::methods::GET;
    case HttpMethod::kPost: return web::http::methods::POST;
    case HttpMethod::kPatch: return web::http::methods::PATCH;
    case HttpMethod::kPut: return web::http::methods::PUT;
    case HttpMethod::kDelete: return web::http::methods::DEL;
  }
  return web::http::methods::GET;
}

bool IsWrite(const HttpRequest& request) { return request.method != HttpMethod::kGet; }

std::optional<std::chrono::seconds> RetryAfterOf(const web::http::http_headers& headers) {
  const auto found = headers.find("Retry-After");
  if (found == headers.end()) return std::nullopt;
  const std::string& text = found->second;
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;  // or a date, which we don't read
  return std::chrono::seconds(seconds);
}

// Takes an answer's body from cpprestsdk, which reads on when the returned task completes.
class AnswerBody final : public concurrency::streams::details::basic_producer_consumer_buffer<uint8_t> {
 public:
  explicit AnswerBody(std::shared_ptr<HttpExchange> exchange)
      : basic_producer_consumer_buffer(0), exchange_(std::move(exchange)) {}

 protected:
  using basic_producer_consumer_buffer::_putn;
  pplx::task<size_t> _putn(const uint8_t* bytes, size_t count) override {
    pplx::task_completion_event<size_t> taken;
    const HttpExchange::Intake intake =
        exchange_->OnBody({reinterpret_cast<const char*>(bytes), count},
                          [taken, count] { IoThread().post([taken, count] { taken.set(count); }); });
    switch (intake) {
      case HttpExchange::Intake::kMore: return pplx::task_from_result(count);
      case HttpExchange::Intake::kPause: return pplx::create_task(taken);
      // Dropped: the cancellation that closes the connection is on its way. Never an exception here: cpprestsdk would
      // wait on the io thread for the closing of this buffer, which needs the io thread.
      case HttpExchange::Intake::kClosed: return pplx::task_from_result(count);
    }
    return pplx::task_from_result(count);
  }

 private:
  const std::shared_ptr<HttpExchange> exchange_;
};

// Counts calls that are not over: those of our callers, and those inside cpprestsdk, which may end later.
class InFlight {
 public:
  void Add() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void Remove() {
    const std::lock_guard lock(mutex_);
    --count_;
    // Under the lock: the waiting thread destroys us next.
    ended_.notify_all();
  }
  void WaitUntilNone() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return count_ == 0; });
  }

  class Scope {
   public:
    explicit Scope(InFlight& in_flight) : in_flight_(in_flight) { in_flight_.Add(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { in_flight_.Remove(); }

   private:
    InFlight& in_flight_;
  };

 private:
  std::mutex mutex_;  // guards count_
  std::condition_variable ended_;
  size_t count_ = 0;
};

// One request inside cpprestsdk. Everything but the constructor runs on the io thread, where nothing blocks
// or throws. Shared ownership: held by the calling thread and by the continuations.
class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<HttpExchange> exchange, InFlight& in_flight, std::shared_ptr<TlsCredentials> tls)
      : exchange_(std::move(exchange)), in_flight_(in_flight), tls_(std::move(tls)) {}

  void Start(http_client& client, const HttpRequest& request, const std::string& token) {
    const auto self = shared_from_this();
    try {
      client.request(Prepare(request, token), cancellation_.get_token())
          .then([self](const pplx::task<web::http::http_response>& answer) { self->OnHead(answer); });
    } catch (...) {
      OnFailure();
    }
  }

  // Closes the connection. Returns whether the server certainly never had the whole request, and never will.
  bool Cancel() {
    cancellation_.cancel();
    // A new connection may be on its way already; without the body the request stays incomplete.
    if (body_bytes_ > 0) body_.close(std::ios_base::in);
    return NothingSent();
  }

 private:
  web::http::http_request Prepare(const HttpRequest& request, const std::string& token) {
    web::http::http_request message(MethodOf(request.method));
    message.set_request_uri(web::uri(request.target));
    message.headers().add("Accept", request.accept);
    message.headers().add("User-Agent", "fumehood");
    if (!token.empty()) message.headers().add("Authorization", "Bearer " + token);
    if (!request.body.empty()) {
      body_bytes_ = request.body.size();
      body_ = concurrency::streams::producer_consumer_buffer<uint8_t>(body_bytes_);
      body_.putn_nocopy(reinterpret_cast<const uint8_t*>(request.body.data()), body_bytes_);
      body_.close(std::ios_base::out);
      message.set_body(body_.create_istream(), body_bytes_, request.content_type);
    }
    const concurrency::streams::streambuf<uint8_t> answer(std::make_shared<AnswerBody>(exchange_));
    message.set_response_stream(answer.create_ostream());
    return message;
  }

  void OnHead(const pplx::task<web::http::http_response>& answer) {
    const auto self = shared_from_this();
    try {
      const web::http::http_response response = answer.get();
      exchange_->OnHead({response.status_code(), RetryAfterOf(response.headers())});
      response.content_ready().then([self](const pplx::task<web::http::http_response>& body) { self->OnWhole(body); });
    } catch (...) {
      OnFailure();
    }
  }

  void OnWhole(const pplx::task<web::http::http_response>& body) {
    try {
      body.get();
      Finish({});
    } catch (...) {
      OnFailure();
    }
  }

  // Within a catch block.
  void OnFailure() {
    HttpExchange::End end{.failure = "", .nothing_sent = NothingSent()};
    try {
      throw;
    } catch (const DeadConnection& dead) {
      end.failure = dead.what();
      end.connection_was_dead = true;
    } catch (const web::http::http_exception& failure) {
      end.failure = DescribeHttpFailure(failure.what(), failure.error_code().value());
    } catch (const std::exception& failure) {
      end.failure = DescribeHttpFailure(failure.what(), 0);
    }
    if (tls_ != nullptr) {
      if (const std::string reason = tls_->TakeFailure(); !reason.empty()) end.failure = reason;
    }
    Finish(std::move(end));
  }

  void Finish(HttpExchange::End end) {
    exchange_->OnEnd(std::move(end));
    in_flight_.Remove();
  }

  // The headers go out before the body is asked for, and the body's length is in them: a server cannot act on
  // them alone.
  bool NothingSent() const { return body_bytes_ == 0 || body_.in_avail() == body_bytes_; }

  const std::shared_ptr<HttpExchange> exchange_;
  InFlight& in_flight_;
  const std::shared_ptr<TlsCredentials> tls_;
  pplx::cancellation_token_source cancellation_;
  // Not seekable on purpose: what cannot be rewound is not sent again behind our back.
  concurrency::streams::producer_consumer_buffer<uint8_t> body_;
  size_t body_bytes_ = 0;
};

// The calling thread's side of a call, which ends with it.
class Attempt {
 public:
  Attempt(http_client& client, const HttpRequest& request, const std::string& token, InFlight& in_flight,
          std::shared_ptr<TlsCredentials> tls)
      : exchange_(std::make_shared<HttpExchange>(kMaxWaitingBytes)),
        call_(std::make_shared<Call>(exchange_, in_flight, std::move(tls))) {
    in_flight.Add();
    IoThread().post([call = call_, &client, request, token] { call->Start(client, request, token); });
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    if (!over_) Cancel();
  }

  HttpExchange::Event Next(SteadyTime deadline, const std::stop_token& stop) {
    HttpExchange::Event event = exchange_->Next(deadline, stop);
    over_ = over_ || std::holds_alternative<HttpExchange::End>(event);
    return event;
  }

  std::optional<HttpExchange::Head> head() const { return exchange_->head(); }

  // Returns whether the server certainly cannot act on the request.
  bool Cancel() {
    over_ = true;
    exchange_->Close();
    std::promise<bool> nothing_sent;
    IoThread().post([&] { nothing_sent.set_value(call_->Cancel()); });
    return nothing_sent.get_future().get();
  }

 private:
  const std::shared_ptr<HttpExchange> exchange_;
  const std::shared_ptr<Call> call_;
  bool over_ = false;
};

http_client_config ConfigFor(const ServerUrl& server, const ClientConfig& config,
                             const std::shared_ptr<TlsCredentials>& tls) {
  http_client_config result;
  result.set_timeout(kLibraryTimeout);
  result.set_max_redirects(0);  // the token would go along
  if (server.scheme == ServerUrl::Scheme::kHttp) {
    result.set_nativehandle_options([](web::http::client::native_handle handle) {
      ThrowIfDead(static_cast<boost::asio::ip::tcp::socket*>(handle)->native_handle());
    });
    return result;
  }

  const std::string& name = tls->expected_name();
  result.set_validate_certificates(!config.insecure_skip_tls_verify);
  // cpprestsdk sends the host's name itself; another one can only be set on the session, and an address never.
  result.set_tlsext_sni_enabled(name == server.host && KindOfHost(name) == HostKind::kName);
  const bool other_name = name != server.host && KindOfHost(name) == HostKind::kName;
  result.set_nativehandle_options([other_name, tls](web::http::client::native_handle handle) {
    auto* const stream = static_cast<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>*>(handle);
    ThrowIfDead(stream->lowest_layer().native_handle());
    if (other_name && SSL_is_init_finished(stream->native_handle()) == 0) tls->AskForName(stream->native_handle());
  });
  result.set_ssl_context_callback([tls](boost::asio::ssl::context& context) {
    if (const Status applied = tls->ApplyTo(context.native_handle()); !applied.has_value()) {
      throw std::runtime_error(applied.error().message);
    }
  });
  return result;
}

}  // namespace

class CppRestTransport::Impl {
 public:
  Impl(const ClientConfig& config, const ServerUrl& server, std::shared_ptr<TlsCredentials> tls)
      : server_(ToString(server)), tls_(std::move(tls)), tokens_(config.token, config.token_file, clock_) {
    const http_client_config client_config = ConfigFor(server, config, tls_);
    for (auto& client : clients_) client = std::make_unique<http_client>(server_, client_config);
  }

  ~Impl() {
    closing_.request_stop();
    in_flight_.WaitUntilNone();
    // Their sockets and timers belong to the io thread; what they have cancelled comes before the second post.
    std::promise<void> destroyed;
    IoThread().post([&] {
      for (auto& client : clients_) client.reset();
    });
    IoThread().post([&] {
      OPENSSL_thread_stop();  // the io thread ends only after OpenSSL has been cleaned up
      destroyed.set_value();
    });
    destroyed.get_future().get();
  }

  Result<HttpResponse> Send(const HttpRequest& request, const std::stop_token& stop) {
    HttpResponse response;
    const auto take = [&](const HttpExchange::Head&, std::string bytes) -> Result<StreamControl> {
      if (response.body.size() + bytes.size() > kMaxBodyBytes) {
        return Fail(ErrorCode::kInternal, "the answer is larger than {} bytes", kMaxBodyBytes);
      }
      response.body = response.body.empty() ? std::move(bytes) : std::move(response.body) + bytes;
      return StreamControl::kContinue;
    };
    const SteadyTime deadline = clock_.SteadyNow() + request.timeout;
    return Exchange(request, stop, [&] { return deadline; }, take, response);
  }

  Result<HttpResponse> Stream(const HttpRequest& request, const ChunkSink& sink, const std::stop_token& stop) {
    HttpResponse response;
    const auto take = [&](const HttpExchange::Head& head, std::string bytes) -> Result<StreamControl> {
      if (head.status < 300) return sink(bytes);
      response.body += bytes;
      return response.body.size() < kMaxFailureBytes ? StreamControl::kContinue : StreamControl::kStop;
    };
    return Exchange(request, stop, [&] { return clock_.SteadyNow() + request.timeout; }, take, response);
  }

 private:
  // Sends `request`, hands the body to `take`, and completes `response`.
  Result<HttpResponse> Exchange(
      const HttpRequest& request, const std::stop_token& stop, const std::function<SteadyTime()>& next_deadline,
      const std::function<Result<StreamControl>(const HttpExchange::Head&, std::string)>& take,
      HttpResponse& response) {
    const InFlight::Scope caller(in_flight_);
    if (const Status valid = CheckRequest(request); !valid.has_value()) return Wrap(valid.error(), server_);
    std::stop_source either;
    const std::stop_callback on_stop(stop, [&either] { either.request_stop(); });
    const std::stop_callback on_closing(closing_.get_token(), [&either] { either.request_stop(); });
    const bool write = IsWrite(request);

    for (int dead_connections = 0;; ++dead_connections) {
      if (either.stop_requested()) return Fail(ErrorCode::kCancelled, "{}: cancelled", server_);
      const Result<std::string> token = tokens_.Current();
      if (!token.has_value()) return Wrap(token.error(), server_);
      Attempt attempt(*clients_.at(static_cast<size_t>(request.traffic)), request, *token, in_flight_, tls_);
      const auto lost = [&](bool nothing_sent, std::string_view why) {
        const bool unknown = write && !nothing_sent;
        return Fail(unknown ? ErrorCode::kOutcomeUnknown : ErrorCode::kUnavailable, "{}: {}", server_, why);
      };
      const auto complete = [&]() -> HttpResponse {
        const HttpExchange::Head head = attempt.head().value_or(HttpExchange::Head{});
        response.status = head.status;
        response.retry_after = head.retry_after;
        if (head.status == 401) tokens_.Refused(*token);
        return std::move(response);
      };

      while (true) {
        HttpExchange::Event event = attempt.Next(next_deadline(), either.get_token());
        // The answer's beginning is an empty part of it.
        if (std::holds_alternative<HttpExchange::Head>(event)) event = std::string();
        if (const auto* bytes = std::get_if<std::string>(&event)) {
          const Result<StreamControl> control = take(attempt.head().value_or(HttpExchange::Head{}), *bytes);
          if (!control.has_value()) {
            if (write) return lost(attempt.Cancel(), control.error().message);
            return Wrap(control.error(), server_);
          }
          if (*control == StreamControl::kStop) return complete();
        } else if (const auto* end = std::get_if<HttpExchange::End>(&event)) {
          if (end->failure.empty()) return complete();
          if (end->connection_was_dead && dead_connections < kMaxDeadConnections) break;
          return lost(end->nothing_sent, end->failure);
        } else if (std::holds_alternative<HttpExchange::TimedOut>(event)) {
          const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(request.timeout);
          return lost(attempt.Cancel(), fmt::format("nothing more came within {} ms", limit.count()));
        } else {
          const bool unknown = write && !attempt.Cancel();
          return Fail(unknown ? ErrorCode::kOutcomeUnknown : ErrorCode::kCancelled, "{}: cancelled{}", server_,
                      unknown ? " after the request had been sent" : "");
        }
      }
    }
  }

  const SystemClock clock_;
  const std::string server_;
  const std::shared_ptr<TlsCredentials> tls_;  // empty: plain http
  TokenSource tokens_;
  std::stop_source closing_;
  InFlight in_flight_;
  std::array<std::unique_ptr<http_client>, kTrafficClasses> clients_;
};

Result<std::unique_ptr<CppRestTransport>> CppRestTransport::Create(ClientConfig config) {
  const Result<ServerUrl> server = ParseServerUrl(config.server);
  if (!server.has_value()) return std::unexpected(server.error());
  if (KindOfHost(server->host) == HostKind::kIpv6) {
    return Fail(ErrorCode::kInvalid,
                "server \"{}\" is an IPv6 address, which cannot be connected to; use a host name that has it (in a "
                "cluster: https://kubernetes.default.svc)",
                config.server);
  }
  if (Status valid = CheckHeaderValue("Authorization", config.token); !valid.has_value()) {
    return Wrap(valid.error(), fmt::format("use the token for \"{}\"", config.server));
  }
  std::shared_ptr<TlsCredentials> tls;
  if (server->scheme == ServerUrl::Scheme::kHttps) {
    Result<std::shared_ptr<TlsCredentials>> created = TlsCredentials::Create(config, *server);
    if (!created.has_value()) return Wrap(created.error(), fmt::format("prepare TLS for \"{}\"", config.server));
    tls = *std::move(created);
  } else if (!config.token.empty() || !config.token_file.empty() || !config.client_key_pem.empty()) {
    return Fail(ErrorCode::kInvalid, "server \"{}\" is plain http, over which no credentials are sent; use https",
                config.server);
  }
  if (Status started = StartIoThread(); !started.has_value()) return Forward(std::move(started));
  try {
    return std::unique_ptr<CppRestTransport>(
        new CppRestTransport(std::make_unique<Impl>(config, *server, std::move(tls))));
  } catch (const std::exception& failure) {
    return Fail(ErrorCode::kInvalid, "server \"{}\": {}", config.server, failure.what());
  }
}

CppRestTransport::CppRestTransport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CppRestTransport::~CppRestTransport() = default;

Result<HttpResponse> CppRestTransport::Send(const HttpRequest& request, std::stop_token stop) {
  return impl_->Send(request, stop);
}

Result<HttpResponse> CppRestTransport::Stream(const HttpRequest& request, const ChunkSink& sink, std::stop_token stop) {
  return impl_->Stream(request, sink, stop);
}

void ExitProcess(int code) {
  std::fflush(nullptr);
  _exit(code);
}

}  // namespace fumehood::kube
