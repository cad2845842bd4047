#include "lib/base/result.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace fumehood {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return Fail(ErrorCode::kInvalid, "halve {}: it is odd", number);
  return number / 2;
}

TEST(ResultTest, CarriesAValueOrAnError) {
  EXPECT_EQ(Half(8).value(), 4);
  const auto failed = Half(7);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(failed.error().message, "halve 7: it is odd");
}

TEST(ResultTest, WrapKeepsTheCodeAndPutsTheContextFirst) {
  const Status wrapped = Wrap({ErrorCode::kGone, "too old"}, "watch nodes");
  EXPECT_EQ(wrapped.error().code, ErrorCode::kGone);
  EXPECT_EQ(wrapped.error().message, "watch nodes: too old");
}

TEST(ResultTest, ForwardHandsAnErrorOnToAnotherType) {
  const auto forward = []() -> Result<std::string> { return Forward(Half(1)); };
  EXPECT_EQ(forward().error().message, "halve 1: it is odd");
}

struct ErrnoCase {
  int error_number;
  ErrorCode want;
};

TEST(ResultTest, ErrnoHasTheCodeThatACallerBranchesOn) {
  for (const auto& [error_number, want] : {ErrnoCase{ENOENT, ErrorCode::kNotFound},
                                           {EACCES, ErrorCode::kForbidden},
                                           {EEXIST, ErrorCode::kAlreadyExists},
                                           {ENOSPC, ErrorCode::kUnavailable},
                                           {ELOOP, ErrorCode::kInvalid},
                                           {EIO, ErrorCode::kInternal}}) {
    const Status failed = FailErrno(error_number, "open \"x\"");
    EXPECT_EQ(failed.error().code, want) << failed.error().message;
    EXPECT_EQ(failed.error().message.find("open \"x\": "), 0U);
  }
}

}  // namespace
}  // namespace fumehood
