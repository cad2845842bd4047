#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>

#include "lib/api/resources.h"
#include "lib/base/duration.h"

namespace fumehood::cli {

namespace {

template <typename Number>
void AddQuantity(CLI::App& app, const std::string& name, std::optional<Number>& value,
                 Result<int64_t> (*parse)(const std::string&), const std::string& description) {
  app.add_option_function<std::string>(
         name,
         [name, &value, parse](const std::string& text) {
           const auto number = parse(text);
           if (!number) throw CLI::ValidationError(name, number.error().message);
           value = static_cast<Number>(*number);
         },
         description)
      ->type_name("QUANTITY");
}

}  // namespace

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

void AddAccess(CLI::App& app, sandbox::RepositoryAccess& access) {
  app.add_option_function<std::string>(
         "--access",
         [&access](const std::string& name) {
           if (name == "read-only") {
             access = sandbox::RepositoryAccess::kReadOnly;
           } else if (name == "ephemeral") {
             access = sandbox::RepositoryAccess::kEphemeral;
           } else {
             throw CLI::ValidationError("--access", "it can be read-only or ephemeral");
           }
         },
         "read-only, or ephemeral: the command may write to its repository, in memory, and nothing of it stays")
      ->type_name("ACCESS")
      ->default_str("read-only");
}

void AddLimits(CLI::App& app, sandbox::Limits& limits) {
  AddQuantity(app, "--memory", limits.memory_bytes, api::ParseMemory,
              "of the whole sandbox, such as 512Mi; what needs more is killed, with exit status 137");
  AddQuantity(app, "--cpus", limits.cpu_millicores, api::ParseCpu, "so many processors' time, such as 2 or 0.5");
  app.add_option_function<int64_t>(
         "--pids",
         [&limits](int64_t pids) {
           if (Status can = api::CheckPids(pids); !can) throw CLI::ValidationError("--pids", can.error().message);
           limits.pids = static_cast<uint32_t>(pids);
         },
         "so many processes and threads at once; another one can't be made")
      ->type_name("NUMBER");
  AddQuantity(app, "--scratch", limits.scratch_bytes, api::ParseScratch,
              "the size of /tmp and of /dev/shm, each, in memory (default: 256Mi)");
}

}  // namespace fumehood::cli
