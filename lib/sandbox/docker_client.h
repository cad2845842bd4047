#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/sandbox/host_command.h"

namespace fumehood::sandbox {

// Docker's command line, and how it finds its engine.
struct DockerClient {
  // A path, not a name to be looked up.
  std::filesystem::path program;
  // What of our environment it gets, "NAME=value": HOME, and what begins with DOCKER_.
  std::vector<std::string> environment;

  HostCommand Command(std::vector<std::string> arguments) const;

  // Runs one of its commands to its end, within 20 s, and answers with what it writes. An Error holds Docker's words.
  Result<std::string> Ask(std::vector<std::string> arguments, std::stop_token stop = {}) const;
};

// What Docker said, on one line.
std::string WordsOf(const CapturedOutput& output);

}  // namespace fumehood::sandbox
