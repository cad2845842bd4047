#include <yaml-cpp/yaml.h>

#include <array>
#include <map>
#include <vector>

#include "lib/base/base64.h"
#include "lib/base/read_file.h"
#include "lib/kube/config.h"
#include "lib/kube/server_url.h"

namespace fumehood::kube {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxKubeconfigBytes = 1 << 20;
constexpr size_t kMaxCredentialBytes = 1 << 20;

// A cluster, user or context, and the file that it stands in.
struct Entry {
  YAML::Node body;
  fs::path file;
  std::string label;  // for messages: user "admin" in "/home/me/.kube/config"
};

// yaml-cpp keeps aliases as references, and nothing here walks a whole document: an alias bomb stays small.
struct Kubeconfig {
  std::map<std::string, Entry> clusters;
  std::map<std::string, Entry> users;
  std::map<std::string, Entry> contexts;
  std::string current_context;
};

// A scalar, "" where the key is missing or null.
Result<std::string> Text(const Entry& entry, const char* key) {
  const YAML::Node& body = entry.body;
  const YAML::Node value = body[key];
  if (!value.IsDefined() || value.IsNull()) return std::string();
  if (!value.IsScalar()) return Fail(ErrorCode::kInvalid, "{}: {} must be a string", entry.label, key);
  return value.Scalar();
}

Result<bool> Flag(const Entry& entry, const char* key) {
  const Result<std::string> text = Text(entry, key);
  if (!text.has_value()) return std::unexpected(text.error());
  if (text->empty() || *text == "false") return false;
  if (*text == "true") return true;
  return Fail(ErrorCode::kInvalid, "{}: {} must be true or false, not \"{}\"", entry.label, key, *text);
}

struct Unsupported {
  const char* key;
  const char* what;
  const char* instead;
};

Status Refuse(const Entry& entry, std::span<const Unsupported> unsupported) {
  for (const Unsupported& item : unsupported) {
    const YAML::Node& body = entry.body;
    const YAML::Node value = body[item.key];
    if (value.IsDefined() && !value.IsNull()) {
      return Fail(ErrorCode::kInvalid, "{}: {} ({}) is not supported; {}", entry.label, item.what, item.key,
                  item.instead);
    }
  }
  return {};
}

// Adds the named entries of one list of the file; names that are there already stay as they are.
Status AddEntries(const YAML::Node& root, const char* list, const char* singular, const fs::path& file,
                  std::map<std::string, Entry>& entries) {
  const YAML::Node items = root[list];
  if (!items.IsDefined() || items.IsNull()) return {};
  if (!items.IsSequence()) return Fail(ErrorCode::kInvalid, "\"{}\": {} must be a list", file.native(), list);
  for (const auto& item : items) {
    const YAML::Node name = item.IsMap() ? item["name"] : YAML::Node();
    if (!name.IsDefined() || !name.IsScalar()) {
      return Fail(ErrorCode::kInvalid, "\"{}\": an item of {} has no name", file.native(), list);
    }
    const std::string label = fmt::format("{} \"{}\" in \"{}\"", singular, name.Scalar(), file.native());
    const YAML::Node body = item[singular];
    if (!body.IsDefined() || !body.IsMap()) return Fail(ErrorCode::kInvalid, "{}: {} must be a map", label, singular);
    entries.try_emplace(name.Scalar(), Entry{body, file, label});
  }
  return {};
}

Status AddFile(const fs::path& file, Kubeconfig& kubeconfig) {
  Result<std::string> text = ReadFile(file, kMaxKubeconfigBytes);
  if (!text.has_value()) return Forward(std::move(text));
  const YAML::Node root = YAML::Load(*text);
  if (root.IsNull()) return {};
  if (!root.IsMap()) return Fail(ErrorCode::kInvalid, "\"{}\" is not a kubeconfig: not a YAML map", file.native());
  if (Status added = AddEntries(root, "clusters", "cluster", file, kubeconfig.clusters); !added.has_value())
    return added;
  if (Status added = AddEntries(root, "users", "user", file, kubeconfig.users); !added.has_value()) return added;
  if (Status added = AddEntries(root, "contexts", "context", file, kubeconfig.contexts); !added.has_value())
    return added;
  const Result<std::string> current = Text({root, file, fmt::format("\"{}\"", file.native())}, "current-context");
  if (!current.has_value()) return std::unexpected(current.error());
  if (kubeconfig.current_context.empty()) kubeconfig.current_context = *current;
  return {};
}

Result<Entry> Find(const std::map<std::string, Entry>& entries, const std::string& name, std::string_view what,
                   std::string_view wanted_by) {
  const auto found = entries.find(name);
  if (found != entries.end()) return found->second;
  std::string known;
  for (const auto& [other, entry] : entries) known += (known.empty() ? "" : ", ") + other;
  return Fail(ErrorCode::kNotFound, "{} wants {} \"{}\", which does not exist; there is: {}", wanted_by, what, name,
              known.empty() ? "none" : known);
}

// The content of `key`-data, or else of the file that `key` names, or "".
Result<std::string> Credential(const Entry& entry, const std::string& key) {
  const Result<std::string> data = Text(entry, (key + "-data").c_str());
  if (!data.has_value()) return std::unexpected(data.error());
  if (!data->empty()) {
    Result<std::string> decoded = DecodeBase64(*data);
    if (!decoded.has_value()) return Wrap(decoded.error(), fmt::format("{}: {}-data", entry.label, key));
    return decoded;
  }
  const Result<std::string> name = Text(entry, key.c_str());
  if (!name.has_value()) return std::unexpected(name.error());
  if (name->empty()) return std::string();
  Result<std::string> content = ReadFile(entry.file.parent_path() / *name, kMaxCredentialBytes);
  if (!content.has_value()) return Wrap(content.error(), fmt::format("{}: {}", entry.label, key));
  if (content->empty()) return Fail(ErrorCode::kInvalid, "{}: {}: \"{}\" is empty", entry.label, key, *name);
  return content;
}

// Assigns a setting, or says why it cannot be read.
template <typename T>
Status Assign(T& target, Result<T> value) {
  if (!value.has_value()) return Forward(std::move(value));
  target = *std::move(value);
  return {};
}

Status ReadCluster(const Entry& cluster, ClientConfig& config) {
  constexpr std::array kUnsupported = {
      Unsupported{"proxy-url", "a proxy", "use a server address that can be reached directly"},
  };
  if (Status refused = Refuse(cluster, kUnsupported); !refused.has_value()) return refused;
  if (Status read = Assign(config.server, Text(cluster, "server")); !read.has_value()) return read;
  if (config.server.empty()) return Fail(ErrorCode::kInvalid, "{}: it has no server", cluster.label);
  if (const auto url = ParseServerUrl(config.server); !url.has_value()) return Wrap(url.error(), cluster.label);
  if (Status read = Assign(config.ca_pem, Credential(cluster, "certificate-authority")); !read.has_value()) return read;
  if (Status read = Assign(config.tls_server_name, Text(cluster, "tls-server-name")); !read.has_value()) return read;
  Status read = Assign(config.insecure_skip_tls_verify, Flag(cluster, "insecure-skip-tls-verify"));
  if (read.has_value() && config.insecure_skip_tls_verify && !config.ca_pem.empty()) {
    return Fail(ErrorCode::kInvalid, "{}: insecure-skip-tls-verify and certificate-authority exclude each other",
                cluster.label);
  }
  return read;
}

Status ReadUser(const Entry& user, ClientConfig& config) {
  constexpr const char* kInstead = "use a token, a tokenFile or a client certificate";
  constexpr std::array kUnsupported = {
      Unsupported{"exec", "an exec plugin", kInstead},
      Unsupported{"auth-provider", "an auth provider", kInstead},
      Unsupported{"username", "a password", kInstead},
      Unsupported{"password", "a password", kInstead},
      Unsupported{"as", "impersonation", "use credentials of the user itself"},
      Unsupported{"as-uid", "impersonation", "use credentials of the user itself"},
      Unsupported{"as-groups", "impersonation", "use credentials of the user itself"},
      Unsupported{"as-user-extra", "impersonation", "use credentials of the user itself"},
  };
  if (Status refused = Refuse(user, kUnsupported); !refused.has_value()) return refused;
  if (Status read = Assign(config.client_certificate_pem, Credential(user, "client-certificate")); !read.has_value()) {
    return read;
  }
  if (Status read = Assign(config.client_key_pem, Credential(user, "client-key")); !read.has_value()) return read;
  if (Status read = Assign(config.token, Text(user, "token")); !read.has_value()) return read;
  const Result<std::string> token_file = Text(user, "tokenFile");
  if (!token_file.has_value()) return std::unexpected(token_file.error());
  if (!token_file->empty()) config.token_file = user.file.parent_path() / *token_file;
  return {};
}

Result<ClientConfig> ReadContext(const Kubeconfig& kubeconfig, const std::string& wanted, const std::string& files) {
  const std::string name = wanted.empty() ? kubeconfig.current_context : wanted;
  if (name.empty()) {
    return Fail(ErrorCode::kInvalid, "{}: there is no current-context; name a context, or `kubectl config use-context`",
                files);
  }
  const Result<Entry> context =
      Find(kubeconfig.contexts, name, "context", wanted.empty() ? "current-context of " + files : "the caller");
  if (!context.has_value()) return std::unexpected(context.error());

  ClientConfig config;
  const Result<std::string> cluster_name = Text(*context, "cluster");
  if (!cluster_name.has_value()) return std::unexpected(cluster_name.error());
  const Result<Entry> cluster = Find(kubeconfig.clusters, *cluster_name, "cluster", context->label);
  if (!cluster.has_value()) return std::unexpected(cluster.error());
  if (Status read = ReadCluster(*cluster, config); !read.has_value()) return Forward(std::move(read));

  const Result<std::string> user_name = Text(*context, "user");
  if (!user_name.has_value()) return std::unexpected(user_name.error());
  if (!user_name->empty()) {
    const Result<Entry> user = Find(kubeconfig.users, *user_name, "user", context->label);
    if (!user.has_value()) return std::unexpected(user.error());
    if (Status read = ReadUser(*user, config); !read.has_value()) return Forward(std::move(read));
  }

  const Result<std::string> ns = Text(*context, "namespace");
  if (!ns.has_value()) return std::unexpected(ns.error());
  if (!ns->empty()) config.default_namespace = *ns;
  return config;
}

}  // namespace

Result<ClientConfig> LoadKubeconfigs(std::span<const fs::path> files, const std::string& context) {
  Kubeconfig kubeconfig;
  std::string names;
  size_t found = 0;
  for (const fs::path& file : files) {
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", file.native());
    try {
      const Status added = AddFile(file, kubeconfig);
      if (added.has_value()) {
        ++found;
      } else if (added.error().code != ErrorCode::kNotFound) {
        return Wrap(added.error(), "load the kubeconfig");
      }
    } catch (const YAML::Exception& failure) {
      return Fail(ErrorCode::kInvalid, "load the kubeconfig: \"{}\" is not YAML: {}", file.native(), failure.what());
    }
  }
  if (found == 0) return Fail(ErrorCode::kNotFound, "load the kubeconfig: there is no {}", names);
  Result<ClientConfig> config = ReadContext(kubeconfig, context, names);
  if (!config.has_value()) return Wrap(config.error(), "load the kubeconfig");
  return config;
}

Result<ClientConfig> LoadKubeconfig(const fs::path& file, const std::string& context) {
  return LoadKubeconfigs(std::span(&file, 1), context);
}

}  // namespace fumehood::kube
