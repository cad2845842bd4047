#include "lib/sandbox/container_owner.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace fumehood::sandbox {
namespace {

// A child that waits to be ended.
class ContainerOwnerTest : public testing::Test {
 protected:
  ContainerOwnerTest() : child_(fork()) {
    if (child_ == 0) {
      pause();
      _exit(0);
    }
  }
  ~ContainerOwnerTest() override {
    Kill();
    waitpid(child_, nullptr, 0);
  }

  void Kill() { kill(child_, SIGKILL); }
  // Waits for its end and leaves it unreaped.
  void AwaitDeath() {
    siginfo_t ignored;
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child_), &ignored, WEXITED | WNOWAIT), 0);
  }

  const pid_t child_;
};

// An owner's parts: boot, PID namespace, number and start time.
std::string Part(const std::string& owner, int number) {
  size_t begin = 0;
  for (int i = 0; i < number; ++i) begin = owner.find('/', begin) + 1;
  return owner.substr(begin, owner.find('/', begin) - begin);
}

TEST_F(ContainerOwnerTest, IsThereWhileItLives) {
  EXPECT_FALSE(IsGone(OwnerOf(getpid())));
  EXPECT_FALSE(IsGone(OwnerOf(child_)));
}

TEST_F(ContainerOwnerTest, IsGoneWhenItHasDied) {
  const std::string owner = OwnerOf(child_);
  Kill();
  AwaitDeath();
  EXPECT_TRUE(IsGone(owner)) << "although nobody has reaped it";
  waitpid(child_, nullptr, 0);
  EXPECT_TRUE(IsGone(owner));
}

TEST_F(ContainerOwnerTest, IsGoneWhenALaterProcessHasItsNumber) {
  const std::string owner = OwnerOf(child_);
  EXPECT_TRUE(IsGone(owner + "1"));
}

TEST_F(ContainerOwnerTest, OfAnotherBootOrNamespaceNobodyCanTell) {
  const std::string owner = OwnerOf(child_);
  Kill();
  waitpid(child_, nullptr, 0);
  ASSERT_TRUE(IsGone(owner));
  std::string boot = Part(owner, 0);
  std::string pid_namespace = Part(owner, 1);
  boot.front() = boot.front() == '0' ? '1' : '0';
  pid_namespace[5] = pid_namespace[5] == '4' ? '3' : '4';  // of "pid:[4026531836]"
  EXPECT_FALSE(IsGone(fmt::format("{}/{}/{}/{}", boot, Part(owner, 1), Part(owner, 2), Part(owner, 3))));
  EXPECT_FALSE(IsGone(fmt::format("{}/{}/{}/{}", Part(owner, 0), pid_namespace, Part(owner, 2), Part(owner, 3))));
}

TEST_F(ContainerOwnerTest, OfANameThatIsNoneNobodyCanTell) {
  const std::string owner = OwnerOf(child_);
  const std::string here = Part(owner, 0) + "/" + Part(owner, 1) + "/";
  for (const std::string& name : {std::string(), std::string("x"), here, here + "-1/5", here + "0/5", here + "me/5",
                                  here + "99999999999999999999/5", here + Part(owner, 2)}) {
    EXPECT_FALSE(IsGone(name)) << name;
  }
}

}  // namespace
}  // namespace fumehood::sandbox
