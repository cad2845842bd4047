#include "cli/doctor/docker.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cli/availability.h"
#include "cli/local_command.h"
#include "lib/base/one_line.h"

namespace fumehood::cli::doctor {
namespace {

using nlohmann::json;

constexpr std::string_view kRuntime = "runsc";

Result<json> AskEngine(const sandbox::DockerClient& client) {
  const auto answer = client.Ask({"info", "--format", "{{json .}}"});
  if (!answer) return std::unexpected(answer.error());
  json info = json::parse(*answer, nullptr, /*allow_exceptions=*/false);
  if (!info.is_object()) return Fail(ErrorCode::kInternal, "Docker tells nothing about itself: {}", OneLine(*answer));
  // Where it has no engine, an older command line succeeds, and tells about itself only.
  if (info.contains("ServerErrors") && !info["ServerErrors"].empty())
    return Fail(ErrorCode::kUnavailable, "{}", OneLine(info["ServerErrors"].front().get<std::string>()));
  return info;
}

bool IsForbidden(const Docker& docker) {
  return !docker.info && docker.info.error().message.contains("permission denied");
}

}  // namespace

Docker LookAtDocker(const LocalOptions& options) {
  Docker docker{.client = OpenDocker(options), .image = DockerImageOf(options)};
  if (!docker.client) return docker;
  if (const auto endpoint = docker.client->Ask({"context", "inspect", "--format", "{{.Endpoints.docker.Host}}"}))
    docker.endpoint = OneLine(*endpoint);
  docker.info = AskEngine(*docker.client);
  if (docker.info)
    docker.has_image = docker.client->Ask({"image", "inspect", "--format", "{{.Id}}", docker.image}).has_value();
  return docker;
}

Check CheckDockerProgram(const Docker& docker) {
  if (docker.client) return {.name = "docker", .found = docker.client->program.string()};
  return {.name = "docker",
          .state = State::kFailed,
          .found = docker.client.error().message,
          .why = "where runsc doesn't work by itself, an engine of Docker can start it",
          .fix = "install Docker Engine (Linux) or Docker Desktop: https://docs.docker.com/engine/install"};
}

Check CheckDockerEngine(const Docker& docker) {
  Check check{.name = "docker-engine"};
  if (!docker.client) return Unasked(check.name, "docker");
  if (docker.info) {
    check.found = fmt::format("{} {} at {}", docker.info->value("OperatingSystem", "Docker"),
                              docker.info->value("ServerVersion", ""), docker.endpoint);
    return check;
  }
  check.state = State::kFailed;
  check.found = docker.info.error().message;
  check.why = "the engine is what starts containers";
  check.fix = IsForbidden(docker)
                  ? "see docker-group"
                  : "sudo systemctl start docker, or start Docker Desktop; DOCKER_HOST and `docker context` "
                    "choose another engine";
  return check;
}

Check CheckDockerGroup(const Docker& docker) {
  Check check{.name = "docker-group"};
  if (!docker.client) return Unasked(check.name, "docker");
  if (docker.info) {
    check.found = "this user may use the engine";
    return check;
  }
  if (!IsForbidden(docker)) return Unasked(check.name, "an engine that answers");
  check.state = State::kFailed;
  check.found = fmt::format("this user may not use {}", docker.endpoint.empty() ? "the engine" : docker.endpoint);
  check.why =
      "whoever may use the engine is as good as root on this machine, so it is left to root and the group docker";
  check.fix = "sudo usermod -aG docker $USER, then log out and in again; or run as root; or set up a rootless engine";
  return check;
}

Check CheckDockerRuntime(const Docker& docker) {
  Check check{.name = "docker-runtime"};
  if (!docker.info) return Unasked(check.name, "docker-engine");
  const json runtimes = docker.info->value("Runtimes", json::object());
  if (runtimes.is_object() && runtimes.contains(kRuntime)) {
    check.found =
        fmt::format("{}: {}", kRuntime, runtimes[kRuntime].value("path", runtimes[kRuntime].value("runtimeType", "")));
    return check;
  }
  std::string known;
  for (const auto& [name, ignored] : runtimes.items()) known += (known.empty() ? "" : ", ") + name;
  check.state = State::kFailed;
  check.found = fmt::format("the engine has no runtime {}; it has {}", kRuntime, known);
  check.why = "an engine starts containers with runc, which is no sandbox, unless gVisor is registered with it";
  check.fix = "fumehood setup-docker: it registers runsc, reloads the engine and tries it";
  return check;
}

Check CheckDockerImage(const Docker& docker) {
  Check check{.name = "docker-image"};
  if (!docker.info) return Unasked(check.name, "docker-engine");
  if (docker.has_image) {
    check.found = docker.image;
    return check;
  }
  check.state = State::kFailed;
  check.found = fmt::format("the engine has no image {}", docker.image);
  check.why = "a command finds the programs of an image, and none is pulled while it waits";
  check.fix = fmt::format("docker pull {}, or name one that is there with --image", docker.image);
  return check;
}

Check CheckDockerSandbox(const std::vector<Check>& before, const LocalOptions& options) {
  Check check{.name = "docker-sandbox"};
  const auto failed = std::ranges::find(before, State::kFailed, &Check::state);
  if (failed != before.end()) return Unasked(check.name, failed->name);
  const Availability tried = TryOut(Isolation::kDocker, options);
  if (!tried.failure) {
    check.found = "a container started with gVisor, and ran a command";
    return check;
  }
  check.state = State::kFailed;
  check.found = OneLine(tried.failure->message);
  check.why = "whatever the engine says of itself, only a container that has started proves it";
  check.fix =
      "these are the engine's words; its log has more: journalctl -u docker. `fumehood setup-docker` tries the runtime";
  return check;
}

}  // namespace fumehood::cli::doctor
