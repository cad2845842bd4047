#include "lib/kube/store.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fumehood::kube {
namespace {

struct Thing {
  struct {
    std::string ns;
    std::string name;
    std::string uid;
  } metadata;
  int value = 0;
};

Result<Thing> ReadThing(const Json& json) {
  if (!json.contains("uid")) return Fail(ErrorCode::kInvalid, "no uid");
  return Thing{{"ns", json["name"], json["uid"]}, json.value("value", 0)};
}

Json Make(const std::string& name, const std::string& uid, int value = 0) {
  return {{"name", name}, {"uid", uid}, {"value", value}};
}

class StoreTest : public testing::Test {
 protected:
  using Pointer = Store<Thing>::Pointer;

  static std::string Describe(const Pointer& thing) {
    return thing ? thing->metadata.name + "/" + thing->metadata.uid + "=" + std::to_string(thing->value) : "-";
  }

  std::vector<std::string> changes_;
  int synced_ = 0;
  int connected_ = 0;
  std::vector<Error> problems_;
  Store<Thing> store_{
      ReadThing,
      {.on_change = [this](const Pointer& before,
                           const Pointer& after) { changes_.push_back(Describe(before) + " -> " + Describe(after)); },
       .before_list = [this] { changes_.push_back("a list"); },
       .on_synced = [this] { ++synced_; },
       .on_connected = [this] { ++connected_; },
       .on_problem = [this](const Error& error) { problems_.push_back(error); }}};
};

using Changes = std::vector<std::string>;

TEST_F(StoreTest, IsNotSyncedBeforeItsFirstList) {
  EXPECT_FALSE(store_.synced());
  store_.Replace({});
  EXPECT_TRUE(store_.synced());
  EXPECT_EQ(synced_, 1);
}

TEST_F(StoreTest, TellsOfConnections) {
  store_.OnConnected();
  EXPECT_EQ(connected_, 1);
}

TEST_F(StoreTest, TellsWhatEachEventChanged) {
  store_.Apply(Make("a", "1", 5));
  store_.Apply(Make("a", "1", 6));
  store_.Remove(Make("a", "1", 7));
  EXPECT_EQ(changes_, (Changes{"- -> a/1=5", "a/1=5 -> a/1=6", "a/1=7 -> -"}));
  EXPECT_EQ(store_.Find({"ns", "a"}), nullptr);
}

TEST_F(StoreTest, ListFindsMissedDeletes) {
  store_.Replace({Make("a", "1"), Make("b", "2")});
  changes_.clear();
  store_.Replace({Make("b", "2", 9), Make("c", "3")});
  EXPECT_EQ(changes_, (Changes{"a list", "a/1=0 -> -", "b/2=0 -> b/2=9", "- -> c/3=0"}));
  EXPECT_EQ(store_.All().size(), 2U);
}

TEST_F(StoreTest, SuccessorOfTheSameNameIsAnotherObject) {
  store_.Apply(Make("a", "1"));
  store_.Apply(Make("a", "2"));
  store_.Replace({Make("a", "3")});
  EXPECT_EQ(changes_, (Changes{"- -> a/1=0", "a/1=0 -> -", "- -> a/2=0", "a list", "a/2=0 -> -", "- -> a/3=0"}));
}

TEST_F(StoreTest, LateRemovalDoesNotTakeTheSuccessorAway) {
  store_.Apply(Make("a", "2"));
  changes_.clear();
  store_.Remove(Make("a", "1"));
  store_.Remove(Make("b", "9"));
  EXPECT_TRUE(changes_.empty());
  ASSERT_NE(store_.Find({"ns", "a"}), nullptr);
}

TEST_F(StoreTest, UnreadableObjectIsAProblemOfThatObjectAlone) {
  store_.Replace({{{"name", "bad"}}, Make("a", "1")});
  EXPECT_EQ(problems_.size(), 1U);
  EXPECT_EQ(store_.All().size(), 1U);
}

}  // namespace
}  // namespace fumehood::kube
