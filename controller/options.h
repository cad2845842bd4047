#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "controller/finished_index.h"
#include "lib/service/log.h"

namespace CLI {
class App;
}

namespace fumehood::controller {

// What the command line says.
struct Options {
  std::optional<std::filesystem::path> kubeconfig;
  std::string ns;  // of the leases; empty: that of the kubeconfig's context or of the pod
  int workers = 4;
  // The names and defaults of Kubernetes' own controllers.
  bool leader_elect = true;
  std::chrono::milliseconds lease_duration{15'000};
  std::chrono::milliseconds renew_deadline{10'000};
  std::chrono::milliseconds retry_period{2'000};
  RetentionLimits retention;
  std::string http_address;
  service::LogLevel log_level = service::LogLevel::kInfo;
  service::LogFormat log_format = service::LogFormat::kText;
};

// `options` must outlive the parsing.
void AddOptions(CLI::App& app, Options& options);

}  // namespace fumehood::controller
