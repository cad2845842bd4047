// Options that several subcommands have.
#pragma once

#include <chrono>
#include <string>

#include "cli/local_options.h"
#include "lib/sandbox/run.h"

namespace CLI {
class App;
}

namespace fumehood::cli {

// --isolation, --allow-unisolated-fallback, --image, --runsc, --platform and --docker. `options` must outlive the
// parsing.
void AddLocalOptions(CLI::App& app, LocalOptions& options);

// A duration with its unit, see ParseDuration. The value that is there is the default.
void AddDuration(CLI::App& app, const std::string& name, std::chrono::milliseconds& value,
                 const std::string& description);

// --access. `access` must outlive the parsing.
void AddAccess(CLI::App& app, sandbox::RepositoryAccess& access);

// --memory, --cpus, --pids and --scratch. `limits` must outlive the parsing.
void AddLimits(CLI::App& app, sandbox::Limits& limits);

}  // namespace fumehood::cli
