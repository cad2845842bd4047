// contained_program STATE exit CODE   enters containment and exits with CODE
// contained_program STATE wait        enters containment, leaves an orphan, a directory and a mount in it,
//                                     writes its process ID there as a line to its standard output, and waits
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/sandbox/containment.h"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::filesystem::path state = argv[1];
  if (const fumehood::Status entered = fumehood::sandbox::EnterContainment(state); !entered) {
    fmt::print(stderr, "{}\n", entered.error().message);
    return 99;
  }
  if (std::string_view(argv[2]) == "exit") return argc > 3 ? std::atoi(argv[3]) : 2;

  const std::filesystem::path mounted = state / "directory";
  if (mkdir(mounted.c_str(), 0755) != 0 || mount("tmpfs", mounted.c_str(), "tmpfs", 0, nullptr) != 0) return 98;
  if (fork() == 0) {
    if (fork() == 0) {
      setsid();
      while (true) pause();
    }
    _exit(0);
  }
  // Until the orphan belongs to the reaper, so that whoever waits for our line finds all processes in their
  // places.
  const auto children = [] {
    const std::filesystem::path list = fmt::format("/proc/{}/task/{}/children", 1, 1);
    char text[256] = {};
    const int fd = open(list.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    int count = 0;
    for (ssize_t i = 0; i < got; ++i) count += text[i] == ' ' ? 1 : 0;
    return count;
  };
  while (children() < 2) usleep(1000);
  const std::string pid = fmt::format("{}\n", getpid());
  if (write(STDOUT_FILENO, pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) return 97;
  while (true) pause();
}
