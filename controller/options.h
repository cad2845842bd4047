#pragma once

#include <chrono>

#include "controller/finished_index.h"
#include "lib/service/command_line.h"

namespace fumehood::controller {

// What the command line says.
struct Options {
  service::CommonOptions common;
  int workers = 4;
  // The names and defaults of Kubernetes' own controllers.
  bool leader_elect = true;
  std::chrono::milliseconds lease_duration{15'000};
  std::chrono::milliseconds renew_deadline{10'000};
  std::chrono::milliseconds retry_period{2'000};
  RetentionLimits retention;
};

// All but the common ones. `options` must outlive the parsing.
void AddOptions(CLI::App& app, Options& options);

}  // namespace fumehood::controller
