#include "cli/doctor/visible.h"

#include <set>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "cli/availability.h"
#include "cli/result_json.h"
#include "lib/base/one_line.h"

namespace fumehood::cli::doctor {
namespace {

namespace fs = std::filesystem;

std::set<std::string> Lines(const std::string& text) {
  std::set<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.insert(line);
  return lines;
}

// What `ls -A` would say.
Result<std::set<std::string>> Listing(const fs::path& directory) {
  std::string names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    names += entry->path().filename().string() + "\n";
  if (error) return Fail(ErrorCode::kForbidden, "list \"{}\": {}", directory.string(), error.message());
  return Lines(names);
}

std::string FixFor(Isolation isolation) {
  if (isolation == Isolation::kDocker) {
    return "Docker Desktop: add the folder in Settings, Resources, File sharing; an engine on another machine, see "
           "DOCKER_HOST "
           "and `docker context`, doesn't have it: copy it there, or use an engine of this machine";
  }
  return "let everybody read it (chmod -R o+rX DIR), or run as root";
}

}  // namespace

Check CheckVisible(std::string name, Isolation isolation, const LocalCommand& command, const LocalOptions& options) {
  Check check{.name = std::move(name)};
  fs::path directory = command.working_dir.empty() ? command.repository : command.working_dir;
  if (directory.empty()) directory = ".";
  const auto wanted = Listing(directory);
  check.why = "a command can only read what its sandbox shows it";
  if (!wanted) {
    check.state = State::kFailed;
    check.found = wanted.error().message;
    check.fix = "give a directory that is there, and that this user may read, with --repo or --workdir";
    return check;
  }
  IsolationOptions listing = ApiOptions(isolation, options);
  listing.working_dir = command.working_dir;
  listing.repo_path = command.repository;
  const auto ran = run_command_isolated({"ls", "-A"}, listing);
  std::error_code ignored;
  const std::string shown = fs::canonical(directory, ignored).string();
  if (ran && ran->returncode == kNotFound) {
    check.state = State::kSkipped;
    check.found = "the image has no ls";
  } else if (!ran || !ran->success) {
    check.state = State::kFailed;
    check.found = fmt::format("\"{}\" can't be listed in a sandbox: {}", shown,
                              OneLine(!ran ? ran.error().message : ran->message + ran->stderr_text));
    check.fix = FixFor(isolation);
  } else if (Lines(ran->stdout_text) != *wanted) {
    check.state = State::kFailed;
    check.found = fmt::format("\"{}\" has {} entries here, and others in a sandbox ({})", shown, wanted->size(),
                              Lines(ran->stdout_text).size());
    check.fix = FixFor(isolation);
  } else {
    return {.name = check.name, .found = fmt::format("\"{}\" is the same in a sandbox", shown)};
  }
  return check;
}

}  // namespace fumehood::cli::doctor
