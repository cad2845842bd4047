// Where the API server is and who we are: from a kubeconfig file or from a pod's service account.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "lib/base/result.h"

namespace fumehood::kube {

// What it takes to talk to one API server. Files are named rather than read where they are rotated under us.
struct ClientConfig {
  std::string server;       // "https://host:port", without a path of more than a prefix
  std::string ca_pem = {};  // empty: the system's authorities
  std::string tls_server_name = {};
  bool insecure_skip_tls_verify = false;

  std::string client_certificate_pem = {};
  std::string client_key_pem = {};
  std::string token = {};                 // a fixed bearer token
  std::filesystem::path token_file = {};  // read again as it is rotated; wins over `token`

  std::string default_namespace = "default";  // of the context, or of the pod
};

// Reads the context `context` (empty: current-context) of a kubeconfig. Relative file names in it are
// relative to the kubeconfig's folder; inline data (…-data) wins over file names, as in client-go. Errors
// name the file and the entry: which context, cluster or user is missing or malformed. What we cannot honour
// is an error too (exec plugins, auth providers, proxies, impersonation, passwords), never ignored.
Result<ClientConfig> LoadKubeconfig(const std::filesystem::path& file, const std::string& context = "");

// The same for several files, as in kubectl: the first to define a name, or a current-context, wins. Files
// that don't exist are skipped; there must be one.
Result<ClientConfig> LoadKubeconfigs(std::span<const std::filesystem::path> files, const std::string& context = "");

// Reads a pod's service account below `folder`, and KUBERNETES_SERVICE_HOST and _PORT from the environment.
// In a cluster of IPv6 addresses the server is kubernetes.default.svc instead, which every API server's
// certificate has.
Result<ClientConfig> LoadInClusterConfig(
    const std::filesystem::path& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

// `kubeconfig` where it is given; else the files that $KUBECONFIG names, with ':' between them; else
// in-cluster where that exists; else ~/.kube/config. The error says what was tried.
Result<ClientConfig> LoadConfig(const std::optional<std::filesystem::path>& kubeconfig);

}  // namespace fumehood::kube
