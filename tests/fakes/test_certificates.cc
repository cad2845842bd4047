#include "tests/fakes/test_certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdlib>
#include <iostream>

namespace fumehood::kube {
namespace {

void Require(bool done, const char* what) {
  if (done) return;
  std::cerr << "test certificates: " << what << '\n';
  std::abort();
}

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

std::string PemOf(X509* certificate) {
  BIO* const bio = BIO_new(BIO_s_mem());
  Require(PEM_write_bio_X509(bio, certificate) == 1, "write a certificate");
  return TextOf(bio);
}

std::string PemOf(EVP_PKEY* key) {
  BIO* const bio = BIO_new(BIO_s_mem());
  Require(PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "write a key");
  return TextOf(bio);
}

void AddExtension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  Require(extension != nullptr, "make an extension");
  Require(X509_add_ext(certificate, extension, -1) == 1, "add an extension");
  X509_EXTENSION_free(extension);
}

X509* MakeCertificate(const std::string& common_name, EVP_PKEY* key) {
  static std::atomic<long> serial = 1;
  constexpr long kDay = 24 * 60 * 60;
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kDay);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

TestAuthority::TestAuthority(const std::string& common_name)
    : key_(EVP_EC_gen("P-256")), certificate_(MakeCertificate(common_name, key_)) {
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  AddExtension(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate_, certificate_, NID_key_usage, "critical,keyCertSign");
  Require(X509_sign(certificate_, key_, EVP_sha256()) > 0, "sign the authority");
  own_ = {PemOf(certificate_), PemOf(key_)};
}

TestAuthority::~TestAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

CertificateAndKey TestAuthority::Issue(const std::string& common_name, const std::string& alternative_names) const {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = MakeCertificate(common_name, key);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
  if (!alternative_names.empty()) AddExtension(certificate, certificate_, NID_subject_alt_name, alternative_names);
  AddExtension(certificate, certificate_, NID_ext_key_usage, "serverAuth,clientAuth");
  Require(X509_sign(certificate, key_, EVP_sha256()) > 0, "sign a certificate");
  CertificateAndKey issued{PemOf(certificate), PemOf(key)};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return issued;
}

}  // namespace fumehood::kube
