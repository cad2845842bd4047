#include "lib/api/configuration.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "lib/api/quantity.h"

namespace fumehood::api {
namespace {

constexpr std::string_view kRoot = ".";
constexpr std::string_view kNamespacePlaceholder = "{namespace}";

bool FitsAny(std::string_view name, const std::vector<std::string>& patterns) {
  return std::ranges::any_of(patterns, [name](const auto& pattern) { return FitsPattern(name, pattern); });
}

std::string Expand(std::string path, std::string_view ns) {
  const size_t at = path.find(kNamespacePlaceholder);
  if (at != std::string::npos) path.replace(at, kNamespacePlaceholder.size(), ns);
  return path;
}

bool IsIn(std::string_view path, std::string_view directory) {
  if (directory.empty()) return true;
  if (!path.starts_with(directory)) return false;
  path.remove_prefix(directory.size());
  return path.empty() || path.starts_with('/');
}

struct Limit {
  std::string_view field;
  int64_t Resources::* value;
  std::string (*format)(int64_t);
};

std::string FormatNumber(int64_t number) { return std::to_string(number); }

constexpr Limit kLimits[] = {{"spec.resources.cpu", &Resources::cpu_millis, FormatMilliQuantity},
                             {"spec.resources.memory", &Resources::memory_bytes, FormatByteQuantity},
                             {"spec.resources.pids", &Resources::pids, FormatNumber},
                             {"spec.resources.scratch", &Resources::scratch_bytes, FormatByteQuantity}};

std::unexpected<Error> AboveMaximum(std::string_view field, const std::string& wanted, const std::string& most) {
  return Fail(ErrorCode::kInvalid, "{}: {} is above the maximum of the namespace, {}", field, wanted, most);
}

}  // namespace

bool FitsPattern(std::string_view name, std::string_view pattern) {
  const size_t first_star = pattern.find('*');
  if (first_star == std::string_view::npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, first_star))) return false;
  name.remove_prefix(first_star);
  pattern.remove_prefix(first_star + 1);
  // What stands between two stars is taken where it comes first: that leaves the most for the rest.
  for (size_t star = pattern.find('*'); star != std::string_view::npos; star = pattern.find('*')) {
    const size_t found = name.find(pattern.substr(0, star));
    if (found == std::string_view::npos) return false;
    name.remove_prefix(found + star);
    pattern.remove_prefix(star + 1);
  }
  return name.ends_with(pattern);
}

const NamespaceRules& Configuration::RulesOf(std::string_view ns) const {
  const auto entry =
      std::ranges::find_if(parts_.namespaces, [ns](const Entry& one) { return FitsPattern(ns, one.name); });
  return entry == parts_.namespaces.end() ? parts_.otherwise : entry->rules;
}

std::optional<std::string> Configuration::ReadableDirectoryOf(std::string_view ns, std::string_view repository) const {
  std::optional<std::string> best;
  for (std::string& path : ReadablePaths(ns)) {
    std::string directory = path == kRoot ? "" : std::move(path);
    // Of several directories the smallest: the less can be reached from it, the better.
    if (IsIn(repository, directory) && (!best || directory.size() > best->size())) best = std::move(directory);
  }
  return best;
}

std::vector<std::string> Configuration::ReadablePaths(std::string_view ns) const {
  std::vector<std::string> paths;
  for (const RepositoryRule& rule : parts_.repositories) {
    if (!FitsAny(ns, rule.namespaces)) continue;
    for (const std::string& path : rule.paths) paths.push_back(Expand(path, ns));
  }
  return paths;
}

const std::vector<EnvVar>& Configuration::EnvOf(const std::string& image) const {
  static const std::vector<EnvVar> kNone;
  const auto found = parts_.images.find(image);
  return found == parts_.images.end() ? kNone : found->second.env;
}

std::string DescribeRefusal(const Configuration& configuration, std::string_view ns, std::string_view path) {
  const auto readable = configuration.ReadablePaths(ns);
  return fmt::format("the namespace \"{}\" may not read the repository \"{}\"; it may read {}", ns, path,
                     readable.empty() ? "none" : fmt::format("{}, and what is below", fmt::join(readable, ", ")));
}

Result<Resources> Admit(const SandboxCommandSpec& spec, const NamespaceRules& rules) {
  auto resources = Resolve(spec.resources, rules.resources);
  if (!resources) return resources;
  for (const Limit& limit : kLimits) {
    const int64_t wanted = *resources.*limit.value;
    const int64_t most = rules.max_resources.*limit.value;
    if (wanted > most) return AboveMaximum(limit.field, limit.format(wanted), limit.format(most));
  }
  if (spec.timeout > rules.max_timeout) {
    return AboveMaximum("spec.timeoutSeconds", FormatNumber(spec.timeout.count()),
                        FormatNumber(rules.max_timeout.count()));
  }
  if (spec.max_output_bytes > rules.max_output_bytes) {
    return AboveMaximum("spec.output.maxBytes", FormatNumber(spec.max_output_bytes),
                        FormatNumber(rules.max_output_bytes));
  }
  return resources;
}

int64_t EffectivePriority(const SandboxCommandSpec& spec, const NamespaceRules& rules) {
  return std::min(spec.priority, rules.max_priority);
}

}  // namespace fumehood::api
