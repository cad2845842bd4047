#include "lib/service/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace fumehood::service {
namespace {

// The fields of /proc/self/stat from the third on. The second is the program's name in parentheses, which may contain
// anything.
std::vector<double> ReadStat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const size_t name_end = line.rfind(") ");
  if (name_end == std::string::npos) return {};
  std::istringstream rest(line.substr(name_end + 2));
  std::string state;
  rest >> state;
  std::vector<double> fields = {0};  // the state, which is no number
  fields.insert(fields.end(), std::istream_iterator<double>(rest), {});
  return fields;
}

// Seconds from the epoch to the machine's boot.
double ReadBootTime() {
  std::ifstream file("/proc/stat");
  for (std::string key; file >> key;) {
    double value = 0;
    if (key == "btime" && file >> value) return value;
    std::getline(file, key);
  }
  return 0;
}

double CountOpenFds() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  double count = 0;
  while (!error && entries != std::filesystem::directory_iterator()) {
    ++count;
    entries.increment(error);
  }
  return count > 0 ? count - 1 : 0;  // one of them is the iterator's own
}

}  // namespace

ProcessUsage ReadProcessUsage() {
  ProcessUsage usage;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  // proc(5) numbers the fields from 1; ours begin with its third.
  if (const std::vector<double> stat = ReadStat(); stat.size() > 24 - 3) {
    const auto field = [&](size_t number) { return stat[number - 3]; };
    usage.cpu_seconds = (field(14) + field(15)) / ticks;
    usage.threads = field(20);
    usage.start_time_seconds = ReadBootTime() + field(22) / ticks;
    usage.virtual_bytes = field(23);
    usage.resident_bytes = field(24) * static_cast<double>(sysconf(_SC_PAGESIZE));
  }
  usage.open_fds = CountOpenFds();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.max_fds = static_cast<double>(limit.rlim_cur);
  return usage;
}

}  // namespace fumehood::service
