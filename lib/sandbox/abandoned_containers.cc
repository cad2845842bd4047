#include "lib/sandbox/abandoned_containers.h"

#include <fmt/format.h>

#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/sandbox/container_owner.h"

namespace fumehood::sandbox {

Status RemoveAbandonedContainers(const DockerClient& docker) {
  const auto listed = docker.Ask({"ps", "--all", "--no-trunc", fmt::format("--filter=label={}", kOwnerLabel),
                                  fmt::format("--format={{{{.ID}}}} {{{{.Label \"{}\"}}}}", kOwnerLabel)});
  if (!listed) return Wrap(listed.error(), "list the containers of earlier runs");
  std::vector<std::string> removal = {"rm", "--force"};
  std::istringstream lines(*listed);
  for (std::string line; std::getline(lines, line);) {
    const size_t space = line.find(' ');
    if (space != std::string::npos && IsGone(std::string_view(line).substr(space + 1))) {
      removal.push_back(line.substr(0, space));
    }
  }
  if (removal.size() == 2) return {};
  const auto removed = docker.Ask(std::move(removal));
  if (!removed) return Wrap(removed.error(), "remove the containers of earlier runs");
  return {};
}

}  // namespace fumehood::sandbox
