// The scripts that belong to this program: they are installed in ../share/fumehood/scripts, seen from it.
#pragma once

#include <filesystem>
#include <string_view>

#include "lib/base/result.h"

namespace CLI {
class App;
}

namespace fumehood::cli {

Result<std::filesystem::path> FindScript(std::string_view name);

// `fumehood install` and `fumehood setup-docker`: the scripts take over this process, with whatever arguments follow.
// `status` is the process' exit status where that fails.
void AddScripts(CLI::App& app, int& status);

}  // namespace fumehood::cli
