#include "controller/options.h"

#include <CLI/CLI.hpp>

#include "lib/service/command_line.h"

namespace fumehood::controller {
namespace {

// Sizes with a unit: 128Mi, or a number of bytes.
void AddSizeOption(CLI::App& app, const std::string& name, int64_t& value, const std::string& description) {
  app.add_option(name, value, description)
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/true))
      ->check(CLI::Range(int64_t{1} << 20, int64_t{1} << 40))
      ->type_name("BYTES")
      ->default_str(std::to_string(value >> 20) + "MiB");
}

}  // namespace

void AddOptions(CLI::App& app, Options& options) {
  app.add_option("--workers", options.workers, "commands reconciled at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_flag("--leader-elect,!--no-leader-elect", options.leader_elect,
               "of several controllers, one at a time acts (default); without, there must be one only");
  service::AddDurationOption(app, "--leader-elect-lease-duration", options.lease_duration,
                             "after this long without a renewal another controller takes over");
  service::AddDurationOption(app, "--leader-elect-renew-deadline", options.renew_deadline,
                             "after this long without a renewal the leader ends itself");
  service::AddDurationOption(app, "--leader-elect-retry-period", options.retry_period,
                             "how often the lease is renewed, or tried to be had");
  AddSizeOption(app, "--retain-namespace-bytes", options.retention.namespace_bytes,
                "so much of finished commands is kept per namespace; beyond it the oldest are deleted");
  AddSizeOption(app, "--retain-total-bytes", options.retention.total_bytes,
                "so much of finished commands is kept in all; beyond it the oldest are deleted");
}

}  // namespace fumehood::controller
