#include "lib/sandbox/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/sandbox/state_directory.h"
#include "tests/lib/sandbox/runsc_fixture.h"

namespace fumehood::sandbox {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class ImagesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!WhyNotContained().empty()) GTEST_SKIP() << WhyNotContained();
    fs::create_directories(folder());
    WriteFile(temp_ / "init", "program");
  }

  std::string folder() const { return temp_ / "images"; }
  StateDirectory State() { return StateDirectory::Open(StateDirectoryForTests(), temp_ / "init").value(); }

  TemporaryDirectory temp_;
};

TEST_F(ImagesTest, DirectoriesAreOfferedByName) {
  WriteFile(temp_ / "images/b/bin/sh", "");
  WriteFile(temp_ / "images/a.1-x/bin/sh", "");
  const StateDirectory state = State();
  const Images images = Images::Open(ImagesFolder{folder()}, state.layer(), state.images()).value();
  EXPECT_THAT(images.names(), ElementsAre("a.1-x", "b"));
  EXPECT_TRUE(images.refused().empty());
  EXPECT_EQ(images.Find("c"), nullptr);
}

TEST_F(ImagesTest, UnusableOnesAreRefusedWithTheReason) {
  WriteFile(temp_ / "images/Upper/bin/sh", "");
  fs::create_directories(temp_ / "images/empty");
  WriteFile(temp_ / "images/file", "");
  const StateDirectory state = State();
  const Images images = Images::Open(ImagesFolder{folder()}, state.layer(), state.images()).value();
  EXPECT_TRUE(images.names().empty());
  ASSERT_EQ(images.refused().size(), 3u);
  EXPECT_THAT(images.refused()[0].reason, HasSubstr("lower case"));
  EXPECT_THAT(images.refused()[1].reason, HasSubstr("empty"));
  EXPECT_THAT(images.refused()[2].reason, HasSubstr("not a directory"));
}

TEST_F(ImagesTest, MountPointsAreThereWhateverTheImageHas) {
  WriteFile(temp_ / "images/a/bin/sh", "");
  WriteFile(temp_ / "images/a/workspace", "a file in the way");
  fs::create_directory_symlink("/bin", temp_ / "images/a/tmp");
  const StateDirectory state = State();
  const Images images = Images::Open(ImagesFolder{folder()}, state.layer(), state.images()).value();
  const fs::path root = *images.Find("a");
  for (const char* mount_point : {"workspace", "tmp", "proc", "dev", "sys", ".fumehood/late"}) {
    EXPECT_EQ(fs::symlink_status(root / mount_point).type(), fs::file_type::directory) << mount_point;
  }
  EXPECT_TRUE(fs::exists(root / "bin/sh"));
  EXPECT_TRUE(fs::exists(root / ".fumehood/init"));
}

TEST_F(ImagesTest, MissingFolderIsAnError) {
  const StateDirectory state = State();
  const auto images = Images::Open(ImagesFolder{temp_ / "nowhere"}, state.layer(), state.images());
  ASSERT_FALSE(images.has_value());
  EXPECT_EQ(images.error().code, ErrorCode::kNotFound);
}

TEST_F(ImagesTest, StateDirectoryIsForOneAtATime) {
  const StateDirectory state = State();
  const auto second = StateDirectory::Open(StateDirectoryForTests(), temp_ / "init");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
}

TEST_F(ImagesTest, StateDirectoryIsEmptyAfterwards) {
  WriteFile(temp_ / "images/a/bin/sh", "");
  {
    const StateDirectory state = State();
    const Images images = Images::Open(ImagesFolder{folder()}, state.layer(), state.images()).value();
    EXPECT_FALSE(fs::is_empty(StateDirectoryForTests()));
  }
  EXPECT_TRUE(fs::is_empty(StateDirectoryForTests()));
}

}  // namespace
}  // namespace fumehood::sandbox
