#include "executor/options.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <string_view>

#include "lib/api/quantity.h"
#include "lib/service/command_line.h"

namespace fumehood::executor {
namespace {

void AddQuantityOption(CLI::App& app, const std::string& name, std::optional<int64_t>& value,
                       Result<int64_t> (*parse)(std::string_view), const std::string& description) {
  const auto take = [name, parse, &value](const std::string& text) {
    const auto quantity = parse(text);
    if (!quantity) throw CLI::ValidationError(name, quantity.error().message);
    if (*quantity <= 0) throw CLI::ValidationError(name, "must be more than nothing");
    value = *quantity;
  };
  app.add_option_function<std::string>(name, take, description)->type_name("QUANTITY");
}

}  // namespace

void AddOptions(CLI::App& app, Options& options) {
  app.add_option("--node-name", options.node_name, "the node that this executor serves")->required();
  app.add_option("--pod-name", options.pod.pod_name, "the pod that it runs in")->required();
  app.add_option("--pod-uid", options.pod.pod_uid, "that pod's uid")->required();
  app.add_option("--slots", options.slots, "commands at once")->check(CLI::Range(1, 1024))->capture_default_str();
  AddQuantityOption(app, "--allocatable-cpu", options.allocatable.cpu_millis, api::ParseMilliQuantity,
                    "processors that all commands together may ask for, such as 8; without it they are not counted");
  AddQuantityOption(app, "--allocatable-memory", options.allocatable.memory_bytes, api::ParseQuantity,
                    "memory that all commands together may ask for, such as 16Gi; without it it is not counted");
  app.add_option("--handler", options.handler, "the RuntimeClass handler that it serves")
      ->check([](const std::string& name) {
        return name == "process" ? "a process is no sandbox, and this serves none" : "";
      })
      ->capture_default_str();
  app.add_option("--repositories", options.runsc.repository_root, "the folder below which the repositories are")
      ->capture_default_str();
  app.add_option("--images", std::get<sandbox::ImagesFolder>(options.runsc.images).path,
                 "the folder with one root file system per directory")
      ->capture_default_str();
  app.add_option("--runsc", options.runsc.runsc, "gVisor's runsc")->capture_default_str();
  app.add_option("--init", options.runsc.init, "the program that becomes PID 1 of each sandbox")->capture_default_str();
  app.add_option("--state-dir", options.runsc.state, "a directory for its own use; it is empty again afterwards")
      ->capture_default_str();
  app.add_option("--cgroup-parent", options.cgroup_parent,
                 "the cgroup below which those of the sandboxes are made, from the root of what is mounted; "
                 "default: the one that the executor is in");
  app.add_flag_callback(
      "--without-cgroups", [&options] { options.runsc.without_cgroups = sandbox::WithoutCgroups::kLeaveOutLimits; },
      "where the node lets us have no cgroups, run commands all the same, without limits of memory and CPU");
  app.add_option("--ledger-dir", options.ledger,
                 "a directory of the node, where the next executor finds what this one has started; "
                 "it must outlive the pod")
      ->capture_default_str();
  app.add_option("--warm-sandboxes", options.runsc.pool.minimum, "of each image so many sandboxes wait for commands")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--max-warm-sandboxes", options.runsc.pool.maximum,
                 "so many wait at most, after many commands; 0: each command starts its own")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  service::AddDurationOption(app, "--lease-duration", options.lease_duration,
                             "after this long without a sign of life, its commands are given to others");
  service::AddDurationOption(app, "--lease-renew-period", options.lease_renew_period, "how often it gives one");
  service::AddDurationOption(
      app, "--grace-period", options.grace_period,
      "when asked to end, so long at most until it does; what runs longer is handed back. Less than the pod's "
      "terminationGracePeriodSeconds");
}

}  // namespace fumehood::executor
