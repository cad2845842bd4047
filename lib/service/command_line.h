// What the command lines of both programs have in common.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "lib/base/result.h"
#include "lib/service/log.h"

namespace CLI {
class App;
}

namespace fumehood::service {

// --kubeconfig, --namespace, --config, --http-address, --log-level and --log-format.
struct CommonOptions {
  std::optional<std::filesystem::path> kubeconfig;
  std::string ns;                // of the leases; empty: that of the kubeconfig's context or of the pod
  std::filesystem::path config;  // what the administrator allows; empty: no such file
  std::string http_address;      // of probes and metrics; empty: none
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
};

// One of our programs, as its main function has it.
struct Program {
  std::string name;
  std::string description;                          // for --help
  std::function<void(CLI::App&)> add_options = {};  // beside the common ones
  std::function<Status(const Log&)> serve = {};     // until it is told to end; an Error: it can't start
};

// Reads the command line and serves. Returns the process' exit status. `common` must outlive the call.
int RunProgram(int argc, char** argv, const Program& program, CommonOptions& common);

// A duration with its unit, see ParseDuration. The value that is there is the default, and shown as such.
void AddDurationOption(CLI::App& app, const std::string& name, std::chrono::milliseconds& value,
                       const std::string& description);

}  // namespace fumehood::service
