#include "lib/api/resources.h"

#include <gtest/gtest.h>

#include <string>

namespace fumehood::api {
namespace {

constexpr Resources kDefaults{.cpu_millis = 1'000, .memory_bytes = 512 << 20, .pids = 256, .scratch_bytes = 256 << 20};

TEST(ResourcesTest, WhatIsAskedForHoldsAndTheRestIsTheDefault) {
  const auto some = Resolve({.cpu = "250m", .memory = "", .pids = 16, .scratch = ""}, kDefaults);
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_EQ(*some, (Resources{250, 512 << 20, 16, 256 << 20}));
  EXPECT_EQ(Resolve({}, kDefaults), kDefaults);
  EXPECT_EQ(Resolve({.cpu = "2", .memory = "1G", .pids = 1, .scratch = "1Mi"}, kDefaults),
            (Resources{2'000, 1'000'000'000, 1, 1 << 20}));
}

struct BadRequest {
  const char* name;
  ResourceRequest request;
  const char* want;
};

TEST(ResourcesTest, NamesTheFieldAndWhatIsAllowed) {
  for (const BadRequest& row : {BadRequest{"NotAQuantity",
                                           {.cpu = "fast", .memory = "", .pids = {}, .scratch = ""},
                                           "spec.resources.cpu: \"fast\" is not a quantity"},
                                {"TooLittleCpu",
                                 {.cpu = "9m", .memory = "", .pids = {}, .scratch = ""},
                                 "spec.resources.cpu: 9m is not between 10m and 1000"},
                                {"TooMuchCpu",
                                 {.cpu = "1001", .memory = "", .pids = {}, .scratch = ""},
                                 "spec.resources.cpu: 1001 is not between"},
                                {"MilliBytes",
                                 {.cpu = "", .memory = "512m", .pids = {}, .scratch = ""},
                                 "spec.resources.memory: 512m is not between 64Mi and 4Ti"},
                                {"TooMuchMemory",
                                 {.cpu = "", .memory = "5Ti", .pids = {}, .scratch = ""},
                                 "spec.resources.memory: 5Ti is not between"},
                                {"NoPids",
                                 {.cpu = "", .memory = "", .pids = 0, .scratch = ""},
                                 "spec.resources.pids: 0 is not between 1 and 32768"},
                                {"TooManyPids",
                                 {.cpu = "", .memory = "", .pids = 32'769, .scratch = ""},
                                 "spec.resources.pids: 32769 is not between"},
                                {"TooLittleScratch",
                                 {.cpu = "", .memory = "", .pids = {}, .scratch = "1"},
                                 "spec.resources.scratch: 1 is not between 1Mi and 4Ti"}}) {
    const auto resolved = Resolve(row.request, kDefaults);
    ASSERT_FALSE(resolved) << row.name;
    EXPECT_EQ(resolved.error().code, ErrorCode::kInvalid);
    EXPECT_NE(resolved.error().message.find(row.want), std::string::npos)
        << row.name << ": " << resolved.error().message;
  }
}

TEST(ResourcesTest, ANumberIsAQuantityToo) {
  const ResourceRequest request = ReadResourceRequest({{"cpu", 2}, {"memory", 134'217'728}});
  EXPECT_EQ(request.cpu, "2");
  EXPECT_EQ(request.memory, "134217728");
}

TEST(ResourcesTest, AStatusWithoutAllOfThemHasNone) {
  nlohmann::json json = ToJson(kDefaults);
  EXPECT_EQ(ReadResources(json), kDefaults);
  for (const char* name : {"cpu", "memory", "pids", "scratch"}) {
    nlohmann::json part = json;
    part.erase(name);
    EXPECT_EQ(ReadResources(part), std::nullopt) << name;
  }
  json["memory"] = "much";
  EXPECT_EQ(ReadResources(json), std::nullopt);
}

}  // namespace
}  // namespace fumehood::api
