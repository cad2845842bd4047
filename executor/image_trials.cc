#include "executor/image_trials.h"

#include <utility>

namespace fumehood::executor {

ImageTrials::ImageTrials(const std::vector<std::string>& images, Starter start, Observer on_change)
    : start_(std::move(start)), on_change_(std::move(on_change)) {
  for (const std::string& image : images) trials_.emplace(image, Trial());
}

std::vector<std::string> ImageTrials::Due() {
  std::lock_guard lock(mutex_);
  std::vector<std::string> due;
  for (auto& [image, trial] : trials_) {
    if (!std::exchange(trial.is_due, false)) continue;
    due.push_back(image);
  }
  return due;
}

ImageTrials::Standing ImageTrials::Look() {
  for (const std::string& image : Due()) {
    const Status outcome = start_(image);
    std::unique_lock lock(mutex_);
    Trial& trial = trials_.at(image);
    if (!outcome) trial.is_due = true;
    const bool is_new = !trial.outcome || trial.outcome->has_value() != outcome.has_value();
    trial.outcome = outcome;
    lock.unlock();
    if (is_new) on_change_(image, outcome);
  }
  return standing();
}

ImageTrials::Standing ImageTrials::standing() const {
  std::lock_guard lock(mutex_);
  Standing standing;
  for (const auto& [image, trial] : trials_) {
    if (!trial.outcome) continue;
    if (*trial.outcome) {
      standing.usable.push_back(image);
    } else if (!standing.problem) {
      standing.problem = trial.outcome->error();
    }
  }
  return standing;
}

void ImageTrials::Doubt() {
  std::lock_guard lock(mutex_);
  for (auto& [image, trial] : trials_) trial.is_due = true;
}

}  // namespace fumehood::executor
