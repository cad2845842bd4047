#include "cli/docker_tidying.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>

#include "cli/local_command.h"
#include "cli/remembered.h"
#include "lib/sandbox/abandoned_containers.h"
#include "lib/sandbox/program_lookup.h"

namespace fumehood::cli {
namespace {

// Nothing of whoever started us: neither the streams, whose end somebody may wait for, nor the session, with which it
// would be killed.
void LetGo() {
  setsid();
  const int null = open("/dev/null", O_RDWR);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, stream);
  closefrom(STDERR_FILENO + 1);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

void TidyDockerBehind(const LocalOptions& options) {
  constexpr char kWhat[] = "docker_tidied";
  const auto hour = std::chrono::floor<std::chrono::hours>(std::chrono::system_clock::now());
  const std::string key =
      fmt::format("{}|{}|{}", hour.time_since_epoch().count(), sandbox::EnvironmentVariable("DOCKER_HOST"),
                  sandbox::EnvironmentVariable("DOCKER_CONTEXT"));
  if (Recall(kWhat, key)) return;
  const auto docker = OpenDocker(options);
  if (!docker) return;
  Remember(kWhat, key, "begun");
  if (fork() != 0) return;
  LetGo();
  // Nobody is there to be told; the next hour's run tries again.
  (void)sandbox::RemoveAbandonedContainers(*docker);
  _exit(EXIT_SUCCESS);
}

}  // namespace fumehood::cli
