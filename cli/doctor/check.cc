#include "cli/doctor/check.h"

#include <fmt/format.h>

#include <utility>

namespace fumehood::cli::doctor {

std::string_view ToString(State state) {
  switch (state) {
    case State::kOk: return "ok";
    case State::kNote: return "note";
    case State::kFailed: return "failed";
    case State::kSkipped: return "skipped";
  }
  return "?";
}

Check Unasked(std::string name, std::string_view needed) {
  return {.name = std::move(name), .state = State::kSkipped, .found = fmt::format("needs {}", needed)};
}

}  // namespace fumehood::cli::doctor
