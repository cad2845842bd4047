// What a command may use at most: as somebody asks for it, and as it holds.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "lib/base/result.h"

namespace fumehood::api {

// spec.resources, as it was written. What is empty was left to the administrator's defaults.
struct ResourceRequest {
  std::string cpu;
  std::string memory;
  std::optional<int64_t> pids;
  std::string scratch;

  bool operator==(const ResourceRequest&) const = default;
};

// Limits in numbers. In a status all of them are there.
struct Resources {
  int64_t cpu_millis = 0;  // thousandths of a processor
  int64_t memory_bytes = 0;
  int64_t pids = 0;
  int64_t scratch_bytes = 0;

  bool operator==(const Resources&) const = default;
};

// The least and the most that the schema allows of each.
inline constexpr Resources kLeastResources{
    .cpu_millis = 10, .memory_bytes = int64_t{64} << 20, .pids = 1, .scratch_bytes = int64_t{1} << 20};
inline constexpr Resources kMostResources{
    .cpu_millis = 1'000'000, .memory_bytes = int64_t{4} << 40, .pids = 32'768, .scratch_bytes = int64_t{4} << 40};

// One limit in numbers. kInvalid, saying what is allowed, for what the schema doesn't.
Result<int64_t> ParseCpu(const std::string& quantity);      // in thousandths of a processor
Result<int64_t> ParseMemory(const std::string& quantity);   // in bytes
Result<int64_t> ParseScratch(const std::string& quantity);  // in bytes
Status CheckPids(int64_t pids);

// `request`, completed by `defaults`. kInvalid, naming the field below spec.resources, for what the schema doesn't
// allow.
Result<Resources> Resolve(const ResourceRequest& request, const Resources& defaults);

// A missing field is an empty one. Numbers where quantities belong are taken as such.
ResourceRequest ReadResourceRequest(const nlohmann::json& json);
nlohmann::json ToJson(const ResourceRequest& request);

// Nothing where one is missing or not a quantity.
std::optional<Resources> ReadResources(const nlohmann::json& json);
nlohmann::json ToJson(const Resources& resources);

}  // namespace fumehood::api
