#include "lib/service/command_line.h"

#include <CLI/CLI.hpp>

#include "lib/base/duration.h"

namespace fumehood::service {
namespace {

// An option whose text `parse` turns into the value; its error is what the user sees.
template <typename T>
CLI::Option* AddParsed(CLI::App& app, const std::string& name, T& value, const std::string& description,
                       Result<T> (*parse)(std::string_view)) {
  const auto take = [name, &value, parse](const std::string& text) {
    const auto parsed = parse(text);
    if (!parsed) throw CLI::ValidationError(name, parsed.error().message);
    value = *parsed;
  };
  return app.add_option_function<std::string>(name, take, description);
}

void AddCommonOptions(CLI::App& app, CommonOptions& options) {
  app.add_option("--kubeconfig", options.kubeconfig,
                 "how to reach the API server (default: $KUBECONFIG, the pod's service account, ~/.kube/config)");
  app.add_option("--namespace", options.ns,
                 "where the leases are (default: the namespace of the kubeconfig's context, or of the pod)");
  app.add_option("--config", options.config,
                 "what the administrator allows, a YAML file; without it nothing is limited beyond the schema");
  app.add_option("--http-address", options.http_address,
                 "where to serve /healthz, /livez, /readyz and /metrics: host:port or :port; without it, nowhere");
  AddParsed(app, "--log-level", options.log_level, "debug, info, warning or error", ParseLogLevel)->default_str("info");
  AddParsed(app, "--log-format", options.log_format, "text or json", ParseLogFormat)->default_str("text");
}

}  // namespace

int RunProgram(int argc, char** argv, const Program& program, CommonOptions& common) {
  CLI::App app(program.description, program.name);
  AddCommonOptions(app, common);
  program.add_options(app);
  CLI11_PARSE(app, argc, argv);
  const Log log(common.log_level, common.log_format, program.name);
  if (const Status served = program.serve(log); !served) {
    log.Error("can't start", {kv("error", served.error().message)});
    return 1;
  }
  return 0;
}

void AddDurationOption(CLI::App& app, const std::string& name, std::chrono::milliseconds& value,
                       const std::string& description) {
  AddParsed(app, name, value, description, ParseDuration)->type_name("DURATION")->default_str(FormatDuration(value));
}

}  // namespace fumehood::service
