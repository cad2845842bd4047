#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "lib/api/sandbox_command.h"
#include "lib/sandbox/runsc_runner.h"
#include "lib/service/log.h"

namespace CLI {
class App;
}

namespace fumehood::executor {

// What the command line says.
struct Options {
  std::optional<std::filesystem::path> kubeconfig;
  std::string ns;  // of the leases; empty: that of the kubeconfig's context or of the pod
  std::string node_name;
  api::ExecutorReference pod;
  int64_t slots = 4;
  std::string handler = "runsc";
  sandbox::RunscOptions runsc{.runsc = "/usr/local/bin/runsc",
                              .init = "/usr/local/lib/fumehood/fumehood-init",
                              .images = "/images",
                              .repository_root = "/.repos",
                              .state = "/run/fumehood"};
  std::filesystem::path ledger = "/var/lib/fumehood";
  std::chrono::milliseconds lease_duration{40'000};
  std::chrono::milliseconds lease_renew_period{10'000};
  std::chrono::milliseconds grace_period{25'000};
  std::string http_address;
  service::LogLevel log_level = service::LogLevel::kInfo;
  service::LogFormat log_format = service::LogFormat::kText;
};

// `options` must outlive the parsing.
void AddOptions(CLI::App& app, Options& options);

}  // namespace fumehood::executor
