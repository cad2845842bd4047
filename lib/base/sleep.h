#pragma once

#include <chrono>
#include <stop_token>

namespace fumehood {

// Waits for `delay`, or until `stop` is requested; tells whether the whole delay has passed.
bool SleepUnlessStopped(std::chrono::milliseconds delay, std::stop_token stop);

// Waits until `stop` is requested.
void WaitForStop(std::stop_token stop);

}  // namespace fumehood
