#include "lib/service/periodically.h"

#include <pthread.h>

#include <utility>

#include "lib/base/sleep.h"

namespace fumehood::service {

Periodically::Periodically(const std::string& name, std::chrono::milliseconds period, Task task)
    : thread_([period, task = std::move(task)](std::stop_token stop) {
        do {
          task(stop);
        } while (SleepUnlessStopped(period, stop));
      }) {
  pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

}  // namespace fumehood::service
