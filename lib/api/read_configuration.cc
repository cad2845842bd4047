#include "lib/api/read_configuration.h"

#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <initializer_list>
#include <utility>

#include "lib/api/validation.h"

namespace fumehood::api {
namespace {

constexpr std::string_view kShared = "Shared";
constexpr std::string_view kPerNamespace = "PerNamespace";
constexpr std::string_view kNamespacePlaceholder = "{namespace}";
constexpr size_t kMaxProblems = 20;

// A value of the document, and where it stands: "namespaces[0].maximum".
struct Value {
  YAML::Node node;
  std::string path;
};

bool IsPlain(const YAML::Node& scalar) { return scalar.Tag() == "?"; }

bool IsNamePattern(std::string_view text) {
  constexpr size_t kMaxName = 63;
  return !text.empty() && text.size() <= kMaxName && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '*';
  });
}

// Notes problems and goes on, so that an administrator sees all of them at once. After a problem what it returns is of
// no use.
class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  Configuration::Parts ReadDocument(const YAML::Node& root);
  const std::vector<std::string>& problems() const { return problems_; }
  void Note(int line, const std::string& message) {
    if (problems_.size() < kMaxProblems) problems_.push_back(fmt::format("{}:{}: {}", file_, line, message));
  }

 private:
  void Refuse(const Value& value, std::string_view message) {
    Note(value.node.Mark().line + 1,
         value.path.empty() ? std::string(message) : fmt::format("{}: {}", value.path, message));
  }
  // The members of a mapping.
  std::map<std::string, Value> Members(const Value& value, std::initializer_list<std::string_view> known);
  std::vector<Value> Items(const Value& value);
  std::string Text(const Value& value);
  int64_t Integer(const Value& value, int64_t least, int64_t most);
  template <typename T>
  void Take(const Value& value, Result<T> parsed, T& into) {
    if (parsed) {
      into = *std::move(parsed);
    } else {
      Refuse(value, parsed.error().message);
    }
  }

  Resources ReadResources(const Value& value, Resources resources);
  void ReadMaximum(const Value& value, NamespaceRules& rules);
  void ReadRules(std::map<std::string, Value>& members, NamespaceRules& rules);
  void CheckDefaults(const Value& value, const NamespaceRules& rules);
  NamespaceRules ReadOtherwise(const Value& value);
  std::vector<Configuration::Entry> ReadNamespaces(const Value& value, const NamespaceRules& otherwise);
  std::string ReadPattern(const Value& value);
  std::string ReadPath(const Value& value);
  std::vector<Configuration::RepositoryRule> ReadRepositories(const Value& value);
  std::map<std::string, Configuration::Image> ReadImages(const Value& value);
  std::vector<EnvVar> ReadEnv(const Value& value);

  const std::string file_;
  std::vector<std::string> problems_;
};

std::map<std::string, Value> Reader::Members(const Value& value, std::initializer_list<std::string_view> known) {
  std::map<std::string, Value> members;
  if (!value.node.IsMap()) {
    Refuse(value, fmt::format("must be a mapping with some of the keys {}", fmt::join(known, ", ")));
    return members;
  }
  for (const auto& member : value.node) {
    const std::string key = member.first.IsScalar() ? member.first.Scalar() : "";
    const Value at_key{member.first, value.path};
    if (std::ranges::find(known, key) == known.end()) {
      Refuse(at_key, fmt::format("unknown key \"{}\"; known here are {}", key, fmt::join(known, ", ")));
      continue;
    }
    std::string path = value.path.empty() ? key : value.path + "." + key;
    if (!members.try_emplace(key, Value{member.second, std::move(path)}).second) {
      Refuse(at_key, fmt::format("the key \"{}\" is there twice; remove one", key));
    }
  }
  return members;
}

std::vector<Value> Reader::Items(const Value& value) {
  std::vector<Value> items;
  if (!value.node.IsSequence() || value.node.size() == 0) {
    Refuse(value, "must be a list with at least one item; leave the key out where there is nothing to say");
    return items;
  }
  for (const auto& item : value.node) items.push_back({item, fmt::format("{}[{}]", value.path, items.size())});
  return items;
}

std::string Reader::Text(const Value& value) {
  if (value.node.IsScalar()) return value.node.Scalar();
  Refuse(value, "must be one word, or a text in quotes");
  return "";
}

int64_t Reader::Integer(const Value& value, int64_t least, int64_t most) {
  int64_t number = 0;
  if (value.node.IsScalar() && IsPlain(value.node)) {
    const std::string& text = value.node.Scalar();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number >= least && number <= most) return number;
  }
  Refuse(value, fmt::format("must be a whole number from {} to {}", least, most));
  return least;
}

Resources Reader::ReadResources(const Value& value, Resources resources) {
  const auto members = Members(value, {"cpu", "memory", "pids", "scratch"});
  for (const auto& [key, member] : members) {
    if (key == "pids") {
      resources.pids = Integer(member, kLeastResources.pids, kMostResources.pids);
    } else if (const std::string quantity = Text(member); key == "cpu") {
      Take(member, ParseCpu(quantity), resources.cpu_millis);
    } else if (key == "memory") {
      Take(member, ParseMemory(quantity), resources.memory_bytes);
    } else {
      Take(member, ParseScratch(quantity), resources.scratch_bytes);
    }
  }
  return resources;
}

void Reader::ReadMaximum(const Value& value, NamespaceRules& rules) {
  const NamespaceRules unlimited;
  const auto members = Members(value, {"resources", "timeoutSeconds", "outputBytes", "priority", "running"});
  for (const auto& [key, member] : members) {
    if (key == "resources") {
      rules.max_resources = ReadResources(member, rules.max_resources);
    } else if (key == "timeoutSeconds") {
      rules.max_timeout = std::chrono::seconds(Integer(member, 1, unlimited.max_timeout.count()));
    } else if (key == "outputBytes") {
      rules.max_output_bytes = Integer(member, 0, unlimited.max_output_bytes);
    } else if (key == "priority") {
      rules.max_priority = Integer(member, -unlimited.max_priority, unlimited.max_priority);
    } else {
      constexpr int64_t kMaxRunning = 1'000'000;
      rules.max_running = Integer(member, 0, kMaxRunning);
    }
  }
}

void Reader::ReadRules(std::map<std::string, Value>& members, NamespaceRules& rules) {
  if (const auto found = members.find("resources"); found != members.end()) {
    rules.resources = ReadResources(found->second, rules.resources);
  }
  if (const auto found = members.find("maximum"); found != members.end()) ReadMaximum(found->second, rules);
}

void Reader::CheckDefaults(const Value& value, const NamespaceRules& rules) {
  // A command that asks for nothing must be one that is allowed.
  SandboxCommandSpec silent;
  silent.timeout = std::chrono::seconds(0);
  silent.max_output_bytes = 0;
  if (const auto admitted = Admit(silent, rules); !admitted) {
    std::string message = admitted.error().message;
    constexpr std::string_view kSpec = "spec.";
    if (message.starts_with(kSpec)) message.erase(0, kSpec.size());
    Refuse(value,
           fmt::format("{}, and commands that don't ask get that by default; give a smaller default here", message));
  }
}

NamespaceRules Reader::ReadOtherwise(const Value& value) {
  NamespaceRules rules;
  auto members = Members(value, {"resources", "maximum"});
  ReadRules(members, rules);
  CheckDefaults(value, rules);
  return rules;
}

std::string Reader::ReadPattern(const Value& value) {
  std::string pattern = Text(value);
  if (value.node.IsScalar() && !IsNamePattern(pattern)) {
    Refuse(value, fmt::format("\"{}\" can't be a namespace's name; use lower case letters, digits and '-', and '*' for "
                              "any number of them",
                              pattern));
  }
  return pattern;
}

std::vector<Configuration::Entry> Reader::ReadNamespaces(const Value& value, const NamespaceRules& otherwise) {
  std::vector<Configuration::Entry> entries;
  std::vector<int> lines;
  for (const Value& item : Items(value)) {
    auto members = Members(item, {"name", "resources", "maximum"});
    const auto name = members.find("name");
    if (name == members.end()) {
      if (item.node.IsMap()) Refuse(item, "has no name; give the namespace's name, or a pattern such as ci-*");
      continue;
    }
    Configuration::Entry entry{.name = ReadPattern(name->second), .rules = otherwise};
    for (size_t i = 0; i < entries.size(); ++i) {
      if (!FitsPattern(entry.name, entries[i].name)) continue;
      Refuse(name->second,
             fmt::format("\"{}\" is never reached: \"{}\" in line {} comes first and fits it too; put the "
                         "narrower one first",
                         entry.name, entries[i].name, lines[i]));
      break;
    }
    ReadRules(members, entry.rules);
    CheckDefaults(item, entry.rules);
    entries.push_back(std::move(entry));
    lines.push_back(name->second.node.Mark().line + 1);
  }
  return entries;
}

std::string Reader::ReadPath(const Value& value) {
  std::string path = Text(value);
  if (!value.node.IsScalar() || path == ".") return path;
  // Whatever a namespace is called, it is one clean part of a path.
  std::string clean = path;
  if (const size_t at = clean.find(kNamespacePlaceholder); at != std::string::npos) {
    clean.replace(at, kNamespacePlaceholder.size(), "namespace");
  }
  if (!IsCleanRelativePath(clean) || clean.find_first_of("{}*") != std::string::npos) {
    Refuse(value, fmt::format("\"{}\" must be a directory below the repository root such as team-a/shop, \".\" for the "
                              "root itself, or {} for the directory that is named like the namespace",
                              path, kNamespacePlaceholder));
  }
  return path;
}

std::vector<Configuration::RepositoryRule> Reader::ReadRepositories(const Value& value) {
  if (value.node.IsScalar()) {
    if (value.node.Scalar() == kShared) return {{.namespaces = {"*"}, .paths = {"."}}};
    if (value.node.Scalar() == kPerNamespace) {
      return {{.namespaces = {"*"}, .paths = {std::string(kNamespacePlaceholder)}}};
    }
  }
  if (!value.node.IsSequence()) {
    Refuse(value,
           fmt::format("must be {} (every namespace reads every repository), {} (only those below its own name), "
                       "or a list of rules with namespaces and paths",
                       kShared, kPerNamespace));
    return {};
  }
  std::vector<Configuration::RepositoryRule> rules;
  for (const Value& item : Items(value)) {
    const auto members = Members(item, {"namespaces", "paths"});
    if (members.size() < 2) {
      if (item.node.IsMap()) Refuse(item, "must have both namespaces and paths");
      continue;
    }
    Configuration::RepositoryRule& rule = rules.emplace_back();
    for (const Value& name : Items(members.at("namespaces"))) rule.namespaces.push_back(ReadPattern(name));
    for (const Value& path : Items(members.at("paths"))) rule.paths.push_back(ReadPath(path));
  }
  return rules;
}

std::vector<EnvVar> Reader::ReadEnv(const Value& value) {
  std::vector<EnvVar> env;
  for (const Value& item : Items(value)) {
    const auto members = Members(item, {"name", "value"});
    if (members.size() < 2) {
      if (item.node.IsMap()) Refuse(item, "must have both name and value");
      continue;
    }
    EnvVar variable{Text(members.at("name")), Text(members.at("value"))};
    if (const Status checked = CheckVariable(variable); !checked) Refuse(item, checked.error().message);
    if (std::ranges::find(env, variable.name, &EnvVar::name) != env.end()) {
      Refuse(item, fmt::format("the variable {} is there twice; remove one", variable.name));
    }
    env.push_back(std::move(variable));
  }
  return env;
}

std::map<std::string, Configuration::Image> Reader::ReadImages(const Value& value) {
  std::map<std::string, Configuration::Image> images;
  for (const Value& item : Items(value)) {
    const auto members = Members(item, {"name", "env"});
    if (members.size() < 2) {
      if (item.node.IsMap()) Refuse(item, "must have both name and env");
      continue;
    }
    const std::string name = Text(members.at("name"));
    if (!images.try_emplace(name, Configuration::Image{ReadEnv(members.at("env"))}).second) {
      Refuse(members.at("name"), fmt::format("the image \"{}\" is there twice; remove one", name));
    }
  }
  return images;
}

Configuration::Parts Reader::ReadDocument(const YAML::Node& root) {
  Configuration::Parts parts;
  const auto members = Members({root, ""}, {"default", "namespaces", "repositories", "images"});
  // Entries begin with what holds otherwise, wherever it stands.
  if (const auto found = members.find("default"); found != members.end())
    parts.otherwise = ReadOtherwise(found->second);
  for (const auto& [key, member] : members) {
    if (key == "namespaces") {
      parts.namespaces = ReadNamespaces(member, parts.otherwise);
    } else if (key == "repositories") {
      parts.repositories = ReadRepositories(member);
    } else if (key == "images") {
      parts.images = ReadImages(member);
    }
  }
  return parts;
}

}  // namespace

Result<Configuration> ReadConfiguration(const std::string& yaml, const std::string& file) {
  Reader reader(file);
  Configuration::Parts parts;
  try {
    const auto documents = YAML::LoadAll(yaml);
    if (documents.empty() || documents.front().IsNull()) {
      reader.Note(1, "the file is empty; write {} where nothing is to be configured");
    } else if (documents.size() > 1) {
      reader.Note(documents[1].Mark().line + 1, "a second document begins here; keep everything in one");
    } else {
      parts = reader.ReadDocument(documents.front());
    }
  } catch (const YAML::Exception& exception) {
    reader.Note(exception.mark.line + 1, fmt::format("not valid YAML: {}", exception.msg));
  }
  if (!reader.problems().empty()) {
    return Fail(ErrorCode::kInvalid, "{}", fmt::join(reader.problems(), "; "));
  }
  return Configuration(std::move(parts));
}

}  // namespace fumehood::api
