#include "cli/doctor/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace fumehood::cli::doctor {
namespace {

using nlohmann::json;

// What only one of the isolations depends on.
constexpr std::array<std::string_view, 15> kOfRunsc = {
    "kernel",          "runsc",           "runsc-version",  "runsc-layout", "installer",
    "download",        "sandbox-systrap", "sandbox-ptrace", "sandbox-kvm",  "repository",
    "user-namespaces", "cgroup",          "seccomp",        "apparmor",     "yama"};

bool IsOfDocker(const Check& check) { return check.name.starts_with("docker"); }
bool IsOfRunsc(const Check& check) { return std::ranges::find(kOfRunsc, check.name) != kOfRunsc.end(); }

}  // namespace

std::optional<Isolation> Report::taken() const {
  if (runsc_works && (wanted == Isolation::kAuto || wanted == Isolation::kRunsc)) return Isolation::kRunsc;
  if (docker_works && (wanted == Isolation::kAuto || wanted == Isolation::kDocker)) return Isolation::kDocker;
  return std::nullopt;
}

void SetAside(Report& report) {
  const auto taken = report.taken();
  for (Check& check : report.checks) {
    if (check.state != State::kFailed) continue;
    const bool is_needed = taken ? (*taken == Isolation::kRunsc ? !IsOfDocker(check) : !IsOfRunsc(check))
                                 : !(report.wanted == Isolation::kRunsc && IsOfDocker(check)) &&
                                       !(report.wanted == Isolation::kDocker && IsOfRunsc(check));
    if (!is_needed) check.state = State::kNote;
  }
}

std::string ToText(const Report& report) {
  size_t width = 0;
  for (const Check& check : report.checks) width = std::max(width, check.name.size());
  std::string text;
  for (const Check& check : report.checks) {
    const std::string state = check.state == State::kFailed ? "FAILED" : std::string(ToString(check.state));
    text += fmt::format("{:<8} {:<{}}  {}\n", state, check.name, width, check.found);
    const bool has_advice = check.state == State::kFailed || check.state == State::kNote;
    if (has_advice && !check.why.empty()) text += fmt::format("{:<{}}  why: {}\n", "", width + 9, check.why);
    if (has_advice && !check.fix.empty()) text += fmt::format("{:<{}}  fix: {}\n", "", width + 9, check.fix);
  }
  if (const auto taken = report.taken()) {
    text += fmt::format("\nfumehood run --isolation={} takes {} here.\n", ToString(report.wanted), ToString(*taken));
  } else {
    text += fmt::format("\nfumehood run --isolation={} can't work here until what has failed is repaired.\n",
                        ToString(report.wanted));
  }
  return text;
}

json ToJson(const Report& report) {
  json checks = json::array();
  for (const Check& check : report.checks) {
    checks.push_back({{"name", check.name},
                      {"state", ToString(check.state)},
                      {"found", check.found},
                      {"why", check.why},
                      {"fix", check.fix}});
  }
  const auto taken = report.taken();
  return {{"healthy", report.healthy()},
          {"isolation", taken ? json(ToString(*taken)) : json()},
          {"works", {{"runsc", report.runsc_works}, {"docker", report.docker_works}}},
          {"checks", std::move(checks)}};
}

}  // namespace fumehood::cli::doctor
