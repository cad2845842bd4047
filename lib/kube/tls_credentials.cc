#include "lib/kube/tls_credentials.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <limits>

namespace fumehood::kube {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::unique_ptr<BIO, FreeBio> ReaderOf(const std::string& text) {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int>::max())) return nullptr;
  return std::unique_ptr<BIO, FreeBio>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Takes OpenSSL's first error of this thread, and forgets the others.
std::string LastOpenSslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

// Without it OpenSSL would ask on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

}  // namespace

Result<TlsCredentials::Chain> TlsCredentials::ParseCertificates(const std::string& pem, std::string_view what) {
  const auto reader = ReaderOf(pem);
  Chain chain(sk_X509_new_null());
  if (reader == nullptr || chain == nullptr) return Fail(ErrorCode::kInternal, "read the {}: out of memory", what);
  ERR_clear_error();
  while (X509* certificate = PEM_read_bio_X509(reader.get(), nullptr, NoPassphrase, nullptr)) {
    if (sk_X509_push(chain.get(), certificate) == 0) {
      X509_free(certificate);
      return Fail(ErrorCode::kInternal, "read the {}: out of memory", what);
    }
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end || sk_X509_num(chain.get()) == 0) {
    return Fail(ErrorCode::kInvalid, "read the {}: {}; it must be PEM (-----BEGIN CERTIFICATE-----)", what,
                LastOpenSslError());
  }
  ERR_clear_error();
  return chain;
}

Result<TlsCredentials::Key> TlsCredentials::ParseKey(const std::string& pem) {
  const auto reader = ReaderOf(pem);
  if (reader == nullptr) return Fail(ErrorCode::kInternal, "read the client key: out of memory");
  ERR_clear_error();
  Key key(PEM_read_bio_PrivateKey(reader.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    return Fail(ErrorCode::kInvalid, "read the client key: {}; it must be PEM and not encrypted", LastOpenSslError());
  }
  return key;
}

Result<std::shared_ptr<TlsCredentials>> TlsCredentials::Create(const ClientConfig& config, const ServerUrl& server) {
  const std::shared_ptr<TlsCredentials> credentials(new TlsCredentials);
  credentials->expected_name_ = config.tls_server_name.empty() ? server.host : config.tls_server_name;
  credentials->verify_ = !config.insecure_skip_tls_verify;

  if (!config.ca_pem.empty()) {
    Result<Chain> authorities = ParseCertificates(config.ca_pem, "certificate authorities");
    if (!authorities.has_value()) return Forward(std::move(authorities));
    credentials->authorities_.reset(X509_STORE_new());
    X509_STORE* const store = credentials->authorities_.get();
    for (int i = 0; store != nullptr && i < sk_X509_num(authorities->get()); ++i) {
      if (X509_STORE_add_cert(store, sk_X509_value(authorities->get(), i)) != 1) {
        return Fail(ErrorCode::kInvalid, "use the certificate authorities: {}", LastOpenSslError());
      }
    }
    // An intermediate authority, or the server's own certificate, may be all that was configured; kubectl accepts that.
    if (store == nullptr || X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1) {
      return Fail(ErrorCode::kInternal, "use the certificate authorities: {}", LastOpenSslError());
    }
  }

  if (config.client_certificate_pem.empty() != config.client_key_pem.empty()) {
    return Fail(ErrorCode::kInvalid, "a client certificate and its key belong together, but only the {} is given",
                config.client_key_pem.empty() ? "certificate" : "key");
  }
  if (!config.client_certificate_pem.empty()) {
    Result<Chain> chain = ParseCertificates(config.client_certificate_pem, "client certificate");
    if (!chain.has_value()) return Forward(std::move(chain));
    Result<Key> key = ParseKey(config.client_key_pem);
    if (!key.has_value()) return Forward(std::move(key));
    if (X509_check_private_key(sk_X509_value(chain->get(), 0), key->get()) != 1) {
      return Fail(ErrorCode::kInvalid, "the client key does not belong to the client certificate: {}",
                  LastOpenSslError());
    }
    credentials->certificates_ = *std::move(chain);
    credentials->key_ = *std::move(key);
  }
  return credentials;
}

Status TlsCredentials::ApplyTo(SSL_CTX* context) {
  ERR_clear_error();
  bool done = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
  if (authorities_ != nullptr) {
    // Replaces the store, in which the HTTP library has put the system's authorities. Takes a reference.
    SSL_CTX_set1_cert_store(context, authorities_.get());
  }
  if (certificates_ != nullptr) {
    done = done && SSL_CTX_use_certificate(context, sk_X509_value(certificates_.get(), 0)) == 1 &&
           SSL_CTX_use_PrivateKey(context, key_.get()) == 1;
    for (int i = 1; done && i < sk_X509_num(certificates_.get()); ++i) {
      done = SSL_CTX_add1_chain_cert(context, sk_X509_value(certificates_.get(), i)) == 1;
    }
  }
  if (verify_) {
    X509_VERIFY_PARAM* const expected = SSL_CTX_get0_param(context);
    // As in Go: names stand in the alternative names, not in the subject, and a wildcard is a whole label.
    X509_VERIFY_PARAM_set_hostflags(expected,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    done = done && (KindOfHost(expected_name_) == HostKind::kName
                        ? X509_VERIFY_PARAM_set1_host(expected, expected_name_.data(), expected_name_.size()) == 1
                        : X509_VERIFY_PARAM_set1_ip_asc(expected, expected_name_.c_str()) == 1);
    SSL_CTX_set_cert_verify_callback(context, VerifyPeer, this);
  }
  if (!done) return Fail(ErrorCode::kInternal, "set up TLS: {}", LastOpenSslError());
  return {};
}

void TlsCredentials::AskForName(SSL* session) const {
  std::string name = expected_name_;
  // The macro SSL_set_tlsext_host_name would cast const away.
  SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
}

int TlsCredentials::VerifyPeer(X509_STORE_CTX* peer, void* credentials) {
  auto& self = *static_cast<TlsCredentials*>(credentials);
  X509_STORE_CTX_set_verify_cb(peer, [](int trusted, X509_STORE_CTX*) { return trusted; });
  const int trusted = X509_verify_cert(peer);
  if (trusted == 1) return 1;
  const char* const reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(peer));
  const std::lock_guard lock(self.mutex_);
  self.failure_ = fmt::format("its certificate is not trusted as \"{}\": {}", self.expected_name_, reason);
  return 0;
}

std::string TlsCredentials::TakeFailure() {
  const std::lock_guard lock(mutex_);
  return std::exchange(failure_, "");
}

}  // namespace fumehood::kube
