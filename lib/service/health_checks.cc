#include "lib/service/health_checks.h"

#include <utility>

namespace fumehood::service {

void HealthChecks::Add(std::string name, Check check) { checks_.push_back({std::move(name), std::move(check)}); }

HealthChecks::Answer HealthChecks::Ask(std::string_view probe, std::string_view only, Detail detail) const {
  bool asked = only.empty();
  bool healthy = true;
  std::string lines;
  for (const auto& [name, check] : checks_) {
    if (!only.empty() && name != only) continue;
    asked = true;
    if (const Status status = check(); status) {
      lines += fmt::format("[+]{} ok\n", name);
    } else {
      healthy = false;
      lines += fmt::format("[-]{} failed: {}\n", name, status.error().message);
    }
  }
  if (!asked) return {Verdict::kNoSuchCheck, fmt::format("{} has no check \"{}\"\n", probe, only)};
  if (healthy && detail == Detail::kFailures) return {Verdict::kHealthy, "ok"};
  lines += fmt::format("{} check {}\n", probe, healthy ? "passed" : "failed");
  return {healthy ? Verdict::kHealthy : Verdict::kUnhealthy, std::move(lines)};
}

}  // namespace fumehood::service
