#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace fumehood::cli::doctor {

struct Answer {
  int status = 0;  // its exit status; 128+n when signal n ended it
  std::string out;
  std::string err;
};

// Runs a program of the host, argv[0], with this process' environment, and takes down what it says, up to 1 MiB. An
// Error where it can't be started or gives no answer in time.
Result<Answer> Ask(std::vector<std::string> argv, std::chrono::milliseconds limit = std::chrono::seconds(20));

}  // namespace fumehood::cli::doctor
