// How a function says that it could not do what it was asked: as a value.
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace fumehood {

// What the caller may branch on. The text is for people.
enum class ErrorCode {
  kInvalid,         // the request itself is wrong; the same request never succeeds
  kNotFound,        //
  kAlreadyExists,   //
  kConflict,        // somebody else was first: read again, decide again
  kGone,            // the history that was asked for is no longer kept: list again
  kForbidden,       // also: not authenticated
  kTooLarge,        // the other side refuses the size
  kUnavailable,     // certainly not done; may succeed later
  kOutcomeUnknown,  // may or may not have been done: read back before doing it again
  kCancelled,       // the caller asked us to stop
  kInternal,        // an answer that makes no sense, or a system call that should not fail
};

std::string_view ToString(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  // Says what was tried, on what and why it failed; lower case and without a full stop, so that it nests.
  std::string message;
};

// A value or an Error. Ignoring one is a compile error.
template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

// Success, or an Error.
using Status = Result<void>;

// return Fail(ErrorCode::kNotFound, "open \"{}\": no such directory", path);
template <typename... Args>
std::unexpected<Error> Fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

// Hands an Error on as it is, whatever the type of the Result it came in.
template <typename T>
std::unexpected<Error> Forward(Result<T>&& result) {
  return std::unexpected(std::move(result).error());
}

// Hands an Error on, saying first what it prevented: "{context}: {message}". The code stays.
std::unexpected<Error> Wrap(Error error, std::string_view context);

// "{what}: {strerror(error_number)}" with the code that fits the errno.
std::unexpected<Error> FailErrno(int error_number, std::string_view what);

}  // namespace fumehood
