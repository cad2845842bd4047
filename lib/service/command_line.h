// What the command lines of both programs have in common.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "lib/service/log.h"

namespace CLI {
class App;
}

namespace fumehood::service {

struct CommonOptions {
  std::optional<std::filesystem::path> kubeconfig;
  std::string ns;            // of the leases; empty: that of the kubeconfig's context or of the pod
  std::string http_address;  // of probes and metrics; empty: none
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
};

// --kubeconfig, --namespace, --http-address, --log-level and --log-format. `options` must outlive the parsing.
void AddCommonOptions(CLI::App& app, CommonOptions& options);

// A duration with its unit, see ParseDuration. The value that is there is the default, and shown as such.
void AddDurationOption(CLI::App& app, const std::string& name, std::chrono::milliseconds& value,
                       const std::string& description);

}  // namespace fumehood::service
