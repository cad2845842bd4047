#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace fumehood::kube {

struct CertificateAndKey {
  std::string certificate_pem;
  std::string key_pem;
};

// A certificate authority that lives as long as a test.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& common_name);
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  const std::string& certificate_pem() const { return own_.certificate_pem; }
  // `alternative_names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1"; empty: none.
  CertificateAndKey Issue(const std::string& common_name, const std::string& alternative_names) const;

 private:
  EVP_PKEY* key_;
  X509* certificate_;
  CertificateAndKey own_;
};

}  // namespace fumehood::kube
