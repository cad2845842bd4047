// What the doctor found, for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/doctor/check.h"
#include "cli/local_options.h"

namespace fumehood::cli::doctor {

struct Report {
  std::vector<Check> checks = {};
  Isolation wanted = Isolation::kAuto;
  bool runsc_works = false;
  bool docker_works = false;
  bool repository_is_usable = true;

  // What `fumehood run` would take; nothing where it would refuse.
  std::optional<Isolation> taken() const;
  bool healthy() const { return taken().has_value() && repository_is_usable; }
};

// What has failed for an isolation that isn't needed, as another one works or another one is wanted, is a note.
void SetAside(Report& report);

std::string ToText(const Report& report);
// {"healthy", "isolation", "works": {"runsc", "docker"}, "checks": [{"name", "state", "found", "why", "fix"}, …]}
nlohmann::json ToJson(const Report& report);

}  // namespace fumehood::cli::doctor
