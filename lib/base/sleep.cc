#include "lib/base/sleep.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace fumehood {

bool SleepUnlessStopped(std::chrono::milliseconds delay, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any nobody_notifies;
  std::unique_lock lock(mutex);
  nobody_notifies.wait_for(lock, stop, delay, [] { return false; });
  return !stop.stop_requested();
}

void WaitForStop(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any nobody_notifies;
  std::unique_lock lock(mutex);
  nobody_notifies.wait(lock, std::move(stop), [] { return false; });
}

}  // namespace fumehood
