#pragma once

namespace fumehood::service {

// What this process uses, as /proc tells. What can't be read is 0.
struct ProcessUsage {
  double cpu_seconds = 0;  // in user and kernel mode since its start
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double open_fds = 0;
  double max_fds = 0;
  double threads = 0;
  double start_time_seconds = 0;  // since the Unix epoch
};

ProcessUsage ReadProcessUsage();

}  // namespace fumehood::service
