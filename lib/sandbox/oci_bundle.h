#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace fumehood::sandbox {

// What differs from one sandbox to the next.
struct OciBundle {
  // The root file system, with our init and mount points in it. Never written to.
  std::filesystem::path root;
  // The directory on the host below which the repository appears after the sandbox has been started.
  std::filesystem::path late;
};

// The bundle's config.json: our init as the guest's root, on a read-only root file system, in namespaces of
// its own.
nlohmann::json OciConfig(const OciBundle& bundle);

}  // namespace fumehood::sandbox
