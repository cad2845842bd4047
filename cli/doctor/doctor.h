#pragma once

namespace CLI {
class App;
}

namespace fumehood::cli {

// `fumehood doctor`. `status` is the process' exit status afterwards: 0 where `fumehood run` with the same options
// works.
void AddDoctor(CLI::App& app, int& status);

}  // namespace fumehood::cli
