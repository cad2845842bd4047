#include "lib/service/periodically.h"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <utility>

namespace fumehood::service {

Periodically::Periodically(const std::string& name, std::chrono::milliseconds period, Task task)
    : thread_([period, task = std::move(task)](std::stop_token stop) {
        std::mutex mutex;
        std::condition_variable_any nobody_notifies;
        std::unique_lock lock(mutex);
        while (!stop.stop_requested()) {
          task(stop);
          nobody_notifies.wait_for(lock, stop, period, [] { return false; });
        }
      }) {
  pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

}  // namespace fumehood::service
