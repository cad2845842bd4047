#include "lib/sandbox/oci_bundle.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace fumehood::sandbox {
namespace {

TEST(OciBundleTest, ConfigIsTheGoldenOne) {
  std::ifstream golden(FUMEHOOD_GOLDEN_DIR "/oci_config.json");
  const nlohmann::json want = nlohmann::json::parse(golden);
  const nlohmann::json got = OciConfig({.root = "/state/images/default", .late = "/state/pool/x/late"});
  EXPECT_EQ(got, want) << got.dump(2);
}

}  // namespace
}  // namespace fumehood::sandbox
