// What the administrator allows: limits per namespace, and which repositories a namespace may read. Controller and
// executors read it from the same file.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/api/resources.h"
#include "lib/api/sandbox_command.h"

namespace fumehood::api {

// What holds for the commands of a namespace. Without a configuration nothing is limited beyond the schema.
struct NamespaceRules {
  Resources resources{.cpu_millis = 1'000,  // of a command that doesn't say
                      .memory_bytes = int64_t{512} << 20,
                      .pids = 256,
                      .scratch_bytes = int64_t{256} << 20};
  Resources max_resources = kMostResources;
  std::chrono::seconds max_timeout{86'400};
  int64_t max_output_bytes = 262'144;  // of each stream
  int64_t max_priority = 1'000;        // a higher one counts as this one
  std::optional<int64_t> max_running;  // commands at once, bound ones too; empty: as many as there are slots
};

class Configuration {
 public:
  struct Entry {
    std::string name;  // of namespaces: exact, or with '*' for any number of characters
    NamespaceRules rules;
  };
  struct RepositoryRule {
    std::vector<std::string> namespaces;  // names as in Entry
    std::vector<std::string> paths;       // with all below them; "." is the root, "{namespace}" the namespace's name
  };
  struct Image {
    std::vector<EnvVar> env;  // of commands that don't set these variables themselves
  };
  struct Parts {
    NamespaceRules otherwise = {};       // where no entry fits
    std::vector<Entry> namespaces = {};  // the first that fits holds
    std::vector<RepositoryRule> repositories = {{.namespaces = {"*"}, .paths = {"."}}};
    std::map<std::string, Image> images = {};
  };

  Configuration() = default;
  explicit Configuration(Parts parts) : parts_(std::move(parts)) {}

  const NamespaceRules& RulesOf(std::string_view ns) const;
  // The directory below the repository root that the namespace may read and that the repository is in, or is; empty:
  // the root itself. Nothing where the namespace may not read it. `repository` is clean and relative.
  std::optional<std::string> ReadableDirectoryOf(std::string_view ns, std::string_view repository) const;
  // The paths that a namespace may read, for messages; "." is the root.
  std::vector<std::string> ReadablePaths(std::string_view ns) const;
  const std::vector<EnvVar>& EnvOf(const std::string& image) const;

 private:
  Parts parts_;
};

// Whether `name` is `pattern`, in which '*' stands for any number of characters.
bool FitsPattern(std::string_view name, std::string_view pattern);

// Why a namespace that may not read the repository can't, and what it may read.
std::string DescribeRefusal(const Configuration& configuration, std::string_view ns, std::string_view path);

// What the command gets: what it asks for, and the namespace's defaults for the rest. kInvalid where its spec asks for
// more than the namespace's maximum; the message names the field and both numbers.
Result<Resources> Admit(const SandboxCommandSpec& spec, const NamespaceRules& rules);

// The priority that counts.
int64_t EffectivePriority(const SandboxCommandSpec& spec, const NamespaceRules& rules);

}  // namespace fumehood::api
