#pragma once

#include <functional>
#include <stop_token>

#include "lib/api/sandbox_command.h"
#include "lib/base/result.h"
#include "lib/kube/client.h"
#include "lib/service/log.h"

namespace fumehood::executor {

// Writes what became of a command into its object. `client` and `log` must outlive it. Safe to call from several
// threads.
class Reporter {
 public:
  Reporter(kube::Client& client, const service::Log& log) : client_(client), log_(log) {}

  enum class Answer {
    kAccepted,    // it is in the object
    kSuperseded,  // nobody wants it: the object is gone, finished, another one, or at another attempt
    kStopped,     // `stop` was requested before either
  };
  // The patch with a result whose outputs have at most so many bytes each.
  using MakePatch = std::function<kube::Json(uint64_t max_output_bytes)>;

  // Repeats the patch until it is accepted or superseded. An object that the API server finds too large is written with
  // half of the outputs, down to none: a result without its output is better than none.
  Answer Report(const api::SandboxCommand& command, const MakePatch& make_patch, std::stop_token stop);

  // Tries once: the result will tell anyhow.
  Status Mention(const api::SandboxCommand& command, const kube::Json& patch, std::stop_token stop);

 private:
  // Whether the object still waits for the result of this attempt.
  Result<bool> IsWanted(const api::SandboxCommand& command, std::stop_token stop);

  kube::Client& client_;
  const service::Log& log_;
};

}  // namespace fumehood::executor
