// The tests run contained, as the programs do: whatever a failing test leaves behind ends with it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "lib/sandbox/containment.h"
#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {

// The same for all test programs at once: each sees a tmpfs of its own there.
std::filesystem::path StateDirectoryForTests() { return FUMEHOOD_TEST_STATE; }

}  // namespace fumehood::sandbox

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (geteuid() != 0) {
    fumehood::sandbox::SetWhyNotContained("needs root");
  } else {
    const fumehood::Status entered = fumehood::sandbox::EnterContainment(fumehood::sandbox::StateDirectoryForTests());
    fumehood::sandbox::SetWhyNotContained(entered ? "" : entered.error().message);
  }
  return RUN_ALL_TESTS();
}
