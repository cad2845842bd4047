#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace fumehood::executor {

// With which images sandboxes really start here. Safe to call from several threads.
class ImageTrials {
 public:
  using Starter = std::function<Status(const std::string& image)>;
  // Hears of an image's first trial, and of each that succeeds after a failure or fails after a success.
  using Observer = std::function<void(const std::string& image, const Status& outcome)>;

  struct Standing {
    std::vector<std::string> usable;  // in alphabetical order
    std::optional<Error> problem;     // of one that is not
  };

  // `start` starts a sandbox and throws it away.
  ImageTrials(const std::vector<std::string>& images, Starter start, Observer on_change);

  // Tries each image with which no sandbox has started since the last doubt; blocks for as long as that takes. An image
  // stays usable until a trial has failed. From one thread at a time.
  Standing Look();

  // As the last Look found it.
  Standing standing() const;

  // A command could not be run, for reasons that may hit the others too: Look tries all images again.
  void Doubt();

 private:
  struct Trial {
    bool is_due = true;
    std::optional<Status> outcome;  // of the last one
  };
  std::vector<std::string> Due();

  const Starter start_;
  const Observer on_change_;

  mutable std::mutex mutex_;
  std::map<std::string, Trial> trials_;
};

}  // namespace fumehood::executor
