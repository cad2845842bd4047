#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <mutex>
#include <string>

#include "lib/base/result.h"
#include "lib/kube/config.h"
#include "lib/kube/server_url.h"

namespace fumehood::kube {

// What one side of a TLS connection needs to know: whom to trust, which name to expect, who we are.
// Everything is parsed once, and shared by all connections. Shared ownership: connections in the HTTP
// library's pool refer to it, and may outlive the transport. Safe to use from several threads.
class TlsCredentials {
 public:
  // kInvalid, saying which part, where a certificate or a key cannot be used.
  static Result<std::shared_ptr<TlsCredentials>> Create(const ClientConfig& config, const ServerUrl& server);

  // Makes each connection of `context` use these credentials, with TLS 1.2 or newer. Where authorities were
  // configured, no others are trusted. The peer is verified by OpenSSL alone: callbacks set on the connection
  // are not asked. The credentials must outlive the connections.
  Status ApplyTo(SSL_CTX* context);

  // Asks the server for the expected name (SNI). Before the handshake of `session`.
  void AskForName(SSL* session) const;

  // The name that the server must prove to have.
  const std::string& expected_name() const { return expected_name_; }

  // Why the last server was not trusted, "" if none was refused since the last call.
  std::string TakeFailure();

 private:
  struct Free {
    void operator()(X509_STORE* store) const { X509_STORE_free(store); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(STACK_OF(X509) * certificates) const { sk_X509_pop_free(certificates, X509_free); }
  };
  using Store = std::unique_ptr<X509_STORE, Free>;
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Chain = std::unique_ptr<STACK_OF(X509), Free>;

  TlsCredentials() = default;
  static Result<Chain> ParseCertificates(const std::string& pem, std::string_view what);
  static Result<Key> ParseKey(const std::string& pem);
  static int VerifyPeer(X509_STORE_CTX* peer, void* credentials);

  Store authorities_;   // empty: the system's
  Chain certificates_;  // ours first, then its issuers; empty: none
  Key key_;
  std::string expected_name_;
  bool verify_ = true;

  std::mutex mutex_;  // guards failure_
  std::string failure_;
};

}  // namespace fumehood::kube
