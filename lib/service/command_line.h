// Options that both programs have, and options of types that CLI11 doesn't know.
#pragma once

#include <chrono>
#include <string>

#include "lib/service/log.h"

namespace CLI {
class App;
}

namespace fumehood::service {

// A duration with its unit, see ParseDuration. The value that is there is the default, and shown as such.
void AddDurationOption(CLI::App& app, const std::string& name, std::chrono::milliseconds& value,
                       const std::string& description);

// --log-level and --log-format.
void AddLogOptions(CLI::App& app, LogLevel& level, LogFormat& format);

// --http-address: where probes and metrics are served.
void AddHttpAddressOption(CLI::App& app, std::string& address);

}  // namespace fumehood::service
