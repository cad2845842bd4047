#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace fumehood::service {

// Named questions whether this process works, answered in the words of kube-apiserver's and controller-runtime's
// probes:
//   [+]ledger ok
//   [-]watch-commands failed: no connection for 42 s
//   readyz check failed
class HealthChecks {
 public:
  // An Error is the reason why not. Called for each probe, from several threads at once: it must be quick, and
  // whatever it refers to must outlive the endpoint that asks.
  using Check = std::function<Status()>;

  // Before anybody asks. `name` becomes a part of a path: lower case with dashes.
  void Add(std::string name, Check check);

  enum class Verdict { kHealthy, kUnhealthy, kNoSuchCheck };
  struct Answer {
    Verdict verdict = Verdict::kHealthy;
    std::string text;
  };
  enum class Detail { kFailures, kAll };

  // Asks `only` this check, or all of them where it is empty; without any check everything is well. `probe` is what
  // the answer calls it: "readyz". A healthy answer without detail is "ok".
  Answer Ask(std::string_view probe, std::string_view only, Detail detail) const;

 private:
  struct Named {
    std::string name;
    Check check;
  };
  std::vector<Named> checks_;
};

}  // namespace fumehood::service
