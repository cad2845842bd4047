#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "lib/api/sandbox_executor.h"
#include "lib/sandbox/runsc_runner.h"
#include "lib/service/command_line.h"

namespace fumehood::executor {

// What the command line says.
struct Options {
  service::CommonOptions common;
  std::string node_name;
  api::ExecutorReference pod;
  int64_t slots = 4;
  api::Allocatable allocatable = {};
  std::string handler = "runsc";
  sandbox::RunscOptions runsc{.runsc = "/usr/local/bin/runsc",
                              .init = "/usr/local/lib/fumehood/fumehood-init",
                              .images = sandbox::ImagesFolder{"/images"},
                              .repository_root = "/.repos",
                              .state = "/run/fumehood",
                              .pool = {.minimum = 1, .maximum = 8}};
  std::filesystem::path cgroup_parent = {};  // see sandbox::CgroupParent
  std::filesystem::path ledger = "/var/lib/fumehood";
  std::chrono::milliseconds lease_duration{40'000};
  std::chrono::milliseconds lease_renew_period{10'000};
  std::chrono::milliseconds grace_period{25'000};
};

// All but the common ones. `options` must outlive the parsing.
void AddOptions(CLI::App& app, Options& options);

}  // namespace fumehood::executor
