#include "cli/options.h"

#include <CLI/CLI.hpp>

#include "lib/base/duration.h"

namespace fumehood::cli {

void AddLocalOptions(CLI::App& app, LocalOptions& options) {
  app.add_option_function<std::string>(
         "--isolation",
         [&options](const std::string& name) {
           const auto isolation = ParseIsolation(name);
           if (!isolation) throw CLI::ValidationError("--isolation", "it can be auto, runsc, docker or process");
           options.isolation = *isolation;
         },
         "auto (runsc where it works, else docker), runsc, docker, or process: none at all")
      ->default_str("auto");
  app.add_flag("--allow-unisolated-fallback", options.allow_unisolated_fallback,
               "with auto: where no isolation works, run the command without any rather than not at all");
  app.add_option(
      "--image", options.image,
      "runsc: the folder of a root file system (default: this machine's programs); docker: an image (busybox)");
  app.add_option("--runsc", options.runsc, "gVisor's runsc (default: FUMEHOOD_RUNSC, or where it is installed)");
  app.add_option("--platform", options.platform, "of runsc: how gVisor gets hold of system calls")
      ->check(CLI::IsMember({"systrap", "kvm", "ptrace"}))
      ->capture_default_str();
  app.add_option("--docker", options.docker, "Docker's command line (default: the one on the PATH)");
}

void AddDuration(CLI::App& app, const std::string& name, std::chrono::milliseconds& value,
                 const std::string& description) {
  app.add_option_function<std::string>(
         name,
         [name, &value](const std::string& text) {
           const auto duration = ParseDuration(text);
           if (!duration) throw CLI::ValidationError(name, duration.error().message);
           value = *duration;
         },
         description)
      ->type_name("DURATION")
      ->default_str(FormatDuration(value));
}

}  // namespace fumehood::cli
