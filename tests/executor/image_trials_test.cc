#include "executor/image_trials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fumehood::executor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ImageTrialsTest : public testing::Test {
 protected:
  std::vector<std::string> Tried() { return std::exchange(tried_, {}); }
  std::vector<std::string> Told() { return std::exchange(told_, {}); }

  std::set<std::string> broken_;
  ImageTrials trials_{{"go", "default"},
                      [this](const std::string& image) -> Status {
                        tried_.push_back(image);
                        if (broken_.contains(image)) return Fail(ErrorCode::kInternal, "{} is broken", image);
                        return {};
                      },
                      [this](const std::string& image, const Status& outcome) {
                        told_.push_back(image + (outcome ? " starts" : " does not"));
                      }};

 private:
  std::vector<std::string> tried_;
  std::vector<std::string> told_;
};

TEST_F(ImageTrialsTest, NothingIsUsableBeforeItWasTried) {
  EXPECT_THAT(trials_.standing().usable, IsEmpty());
  EXPECT_FALSE(trials_.standing().problem);
}

TEST_F(ImageTrialsTest, WhatStartsOnceIsUsableAndNotTriedAgain) {
  EXPECT_THAT(trials_.Look().usable, ElementsAre("default", "go"));
  EXPECT_THAT(Tried(), ElementsAre("default", "go"));
  EXPECT_THAT(trials_.Look().usable, ElementsAre("default", "go"));
  EXPECT_THAT(Tried(), IsEmpty());
}

TEST_F(ImageTrialsTest, WhatDoesNotStartIsTriedUntilItDoes) {
  broken_ = {"go"};
  const auto standing = trials_.Look();
  EXPECT_THAT(standing.usable, ElementsAre("default"));
  EXPECT_EQ(standing.problem.value().message, "go is broken");
  Tried();
  trials_.Look();
  EXPECT_THAT(Tried(), ElementsAre("go"));
  broken_.clear();
  EXPECT_THAT(trials_.Look().usable, ElementsAre("default", "go"));
  EXPECT_FALSE(trials_.standing().problem);
  EXPECT_THAT(Told(), ElementsAre("default starts", "go does not", "go starts"));
}

TEST_F(ImageTrialsTest, WhatIsDoubtedIsTriedAgainAndUsableUntilThen) {
  trials_.Look();
  Tried();
  trials_.Doubt();
  EXPECT_THAT(trials_.standing().usable, ElementsAre("default", "go"));
  broken_ = {"go"};
  EXPECT_THAT(trials_.Look().usable, ElementsAre("default"));
  EXPECT_THAT(Tried(), ElementsAre("default", "go"));
}

}  // namespace
}  // namespace fumehood::executor
