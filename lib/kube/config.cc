#include "lib/kube/config.h"
#include "lib/base/read_file.h"

#include <cstdlib>
#include <vector>

#include "lib/kube/server_url.h"

namespace fumehood::kube {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFileBytes = 1 << 20;

// "" where the variable is not set. Read at start-up, before other threads could change the environment.
std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<fs::path> SplitPaths(std::string_view list) {
  std::vector<fs::path> paths;
  while (!list.empty()) {
    const size_t colon = list.find(':');
    if (colon != 0) paths.emplace_back(list.substr(0, colon));
    list.remove_prefix(colon == std::string_view::npos ? list.size() : colon + 1);
  }
  return paths;
}

std::string Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kBlank) - begin + 1));
}

}  // namespace

Result<ClientConfig> LoadInClusterConfig(const fs::path& folder) {
  const std::string host = Environment("KUBERNETES_SERVICE_HOST");
  const std::string port = Environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return Fail(ErrorCode::kNotFound,
                "load the pod's configuration: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not "
                "set; this is "
                "not a pod");
  }
  ClientConfig config;
  const bool ipv6 = KindOfHost(host) == HostKind::kIpv6;
  config.server = fmt::format("https://{}:{}", ipv6 ? "kubernetes.default.svc" : host, port);
  if (const auto url = ParseServerUrl(config.server); !url.has_value()) {
    return Wrap(url.error(), "load the pod's configuration");
  }
  config.token_file = folder / "token";
  if (Result<std::string> token = ReadFile(config.token_file, kMaxFileBytes); !token.has_value()) {
    return Wrap(token.error(), "load the pod's configuration (is automountServiceAccountToken off?)");
  }
  // Without it the system's authorities would be trusted.
  Result<std::string> ca = ReadFile(folder / "ca.crt", kMaxFileBytes);
  if (!ca.has_value()) return Wrap(ca.error(), "load the pod's configuration");
  if (ca->empty())
    return Fail(ErrorCode::kInvalid, "load the pod's configuration: \"{}\" is empty", (folder / "ca.crt").native());
  config.ca_pem = *std::move(ca);
  if (const Result<std::string> ns = ReadFile(folder / "namespace", kMaxFileBytes); ns.has_value()) {
    if (const std::string name = Trimmed(*ns); !name.empty()) config.default_namespace = name;
  }
  return config;
}

Result<ClientConfig> LoadConfig(const std::optional<fs::path>& kubeconfig) {
  if (kubeconfig) return LoadKubeconfig(*kubeconfig);
  if (const std::vector<fs::path> files = SplitPaths(Environment("KUBECONFIG")); !files.empty()) {
    Result<ClientConfig> config = LoadKubeconfigs(files);
    if (!config.has_value()) return Wrap(config.error(), "$KUBECONFIG");
    return config;
  }
  Result<ClientConfig> in_cluster = LoadInClusterConfig();
  if (in_cluster.has_value() || in_cluster.error().code != ErrorCode::kNotFound) return in_cluster;

  const std::string home = Environment("HOME");
  const fs::path file = fs::path(home) / ".kube/config";
  Result<ClientConfig> config =
      home.empty() ? Result<ClientConfig>(Fail(ErrorCode::kNotFound, "$HOME is not set")) : LoadKubeconfig(file);
  if (!config.has_value() && config.error().code == ErrorCode::kNotFound) {
    return Fail(ErrorCode::kNotFound,
                "find an API server: no kubeconfig was named, $KUBECONFIG is not set; {}; {}; name a "
                "kubeconfig, or run "
                "in a pod",
                in_cluster.error().message, config.error().message);
  }
  return config;
}

}  // namespace fumehood::kube
