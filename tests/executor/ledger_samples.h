#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "executor/ledger.h"
#include "tests/fakes/fake_disk.h"

namespace fumehood::executor {

inline AttemptKey Attempt(const std::string& uid, int64_t attempt = 1) {
  return {{"team-a", "command-" + uid}, uid, attempt};
}

inline Json ResultOf(std::string_view output) { return {{"exitCode", 0}, {"stdout", output}}; }

// The ledger as the next process opens it.
inline std::unique_ptr<Ledger> OpenLedger(FakeDisk& disk, const LedgerOptions& options = {}) {
  return Ledger::Open(disk.Attach(), options).value();
}

// Each entry as "uid/attempt", with "=" and the result's output where it has ended.
inline std::vector<std::string> Describe(const Ledger& ledger) {
  std::vector<std::string> all;
  for (const Ledger::Entry& entry : ledger.entries()) {
    std::string text = entry.key.uid + "/" + std::to_string(entry.key.attempt);
    if (entry.stage == Ledger::Stage::kEnded) text += "=" + entry.result.at("stdout").get<std::string>();
    all.push_back(std::move(text));
  }
  return all;
}

inline ErrorCode CodeOf(const Status& status) { return status ? ErrorCode::kInternal : status.error().code; }

}  // namespace fumehood::executor
