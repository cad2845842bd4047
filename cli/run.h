#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace fumehood::cli {

// `fumehood run`. `command` is what stands behind "--", as it is; `status` is the process' exit status afterwards.
void AddRun(CLI::App& app, const std::vector<std::string>& command, int& status);

}  // namespace fumehood::cli
