#pragma once

#include <string>
#include <string_view>

namespace fumehood::cli::doctor {

enum class State {
  kOk,
  kNote,     // not as it could be, but nothing depends on it here
  kFailed,   // what was asked for doesn't work until this is repaired
  kSkipped,  // can't be told, or needn't be
};

// "ok", "note", "failed", "skipped".
std::string_view ToString(State state);

// One question about this machine, and the answer.
struct Check {
  std::string name;  // fixed: documentation and programs use it
  State state = State::kOk;
  std::string found = {};
  std::string why = {};  // it matters
  std::string fix = {};  // what to do, exactly; empty where there is nothing to be done
};

// What can't be told, as another check has failed, or something isn't there.
Check Unasked(std::string name, std::string_view needed);

}  // namespace fumehood::cli::doctor
