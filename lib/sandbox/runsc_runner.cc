#include "lib/sandbox/runsc_runner.h"

#include <fcntl.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <optional>
#include <utility>
#include <variant>

#include "lib/sandbox/hand_over.h"
#include "lib/sandbox/repository.h"
#include "lib/sandbox/sandbox.h"

namespace fumehood::sandbox {

namespace {

std::chrono::microseconds Between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration_cast<std::chrono::microseconds>(to - from);
}

// The runner's words for how a supervised command ended.
Result<Ending> ToEnding(const decltype(Supervised::ending)& ending, const RunRequest& request) {
  return std::visit(
      [&](const auto& what) -> Result<Ending> {
        if constexpr (std::is_same_v<decltype(what), const init::NotStarted&>) {
          Result<NotStarted> not_started = Interpret(what, request);
          if (!not_started) return Forward(std::move(not_started));
          return *std::move(not_started);
        } else {
          return what;
        }
      },
      ending);
}

// Nothing of the command can have happened then.
bool DiedBeforeItsCommand(const Result<std::variant<Accounted, NotStarted>>& attempt) {
  if (!attempt) return false;
  const auto* accounted = std::get_if<Accounted>(&*attempt);
  return accounted != nullptr && !accounted->supervised.started &&
         std::holds_alternative<SandboxTerminated>(accounted->supervised.ending);
}

std::vector<PoolKind> KindsOf(const Images& images, std::optional<uint64_t> memory_bytes) {
  std::vector<PoolKind> kinds;
  for (std::string& name : images.names()) kinds.push_back({.image = std::move(name), .memory_bytes = memory_bytes});
  return kinds;
}

}  // namespace

struct RunscRunner::Sources {
  UniqueFd repository;
  std::vector<UniqueFd> others;
};

Result<std::unique_ptr<RunscRunner>> RunscRunner::Create(const RunscOptions& options, Cgroups cgroups) {
  UniqueFd repository_root(open(options.repository_root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!repository_root.valid()) {
    return FailErrno(errno, fmt::format("open the repository root \"{}\"", options.repository_root.string()));
  }
  Result<StateDirectory> state = StateDirectory::Open(options.state, options.init);
  if (!state) return Forward(std::move(state));
  for (const std::filesystem::path& directory : options.also_visible) {
    if (Status made = state->MakeMountPoint(directory); !made) return Forward(std::move(made));
  }
  Result<std::string> version = options.version.empty() ? Runsc::AskVersion(options.runsc) : options.version;
  if (!version) return Forward(std::move(version));
  Result<Images> images = Images::Open(options.images, state->layer(), state->images());
  if (!images) return Forward(std::move(images));
  Runsc runsc(options.runsc, state->runtime_shared(), options.platform, *std::move(version));
  return std::unique_ptr<RunscRunner>(new RunscRunner(options, *std::move(state), std::move(runsc), *std::move(images),
                                                      std::move(repository_root), std::move(cgroups)));
}

RunscRunner::RunscRunner(const RunscOptions& options, StateDirectory state, Runsc runsc, Images images,
                         UniqueFd repository_root, Cgroups cgroups)
    : state_(std::move(state)),
      runsc_(std::move(runsc)),
      images_(std::move(images)),
      repository_root_(std::move(repository_root)),
      scratch_bytes_(options.scratch_bytes),
      without_cgroups_(options.without_cgroups),
      cgroups_(std::move(cgroups)),
      usual_memory_bytes_(cgroups_ ? options.pool_memory_bytes : std::nullopt),
      pool_(
          options.pool, KindsOf(images_, usual_memory_bytes_),
          [this](const PoolKind& kind) { return Start(kind, CpuWeight::kLow); }, clock_, options.on_pool_failure) {}

Isolation RunscRunner::isolation() const {
  return {.runtime = "runsc",
          .version = runsc_.version(),
          .platform = runsc_.platform(),
          .network = Runsc::kNetwork,
          .repository = "ReadOnly"};
}

RunResult RunscRunner::WithoutStart(Ending ending) const {
  RunResult result;
  result.ending = std::move(ending);
  result.isolation = isolation();
  return result;
}

Result<std::unique_ptr<Sandbox>> RunscRunner::Start(const PoolKind& kind, CpuWeight weight) const {
  const std::filesystem::path* root = images_.Find(kind.image);
  if (root == nullptr) return Fail(ErrorCode::kInternal, "there is no image \"{}\"", kind.image);
  return Sandbox::Start(runsc_, {.root = *root,
                                 .pool = state_.pool(),
                                 .cgroups = cgroups_ ? cgroups_->get() : nullptr,
                                 .memory_bytes = kind.memory_bytes,
                                 .weight = weight});
}

Status RunscRunner::TryImage(const std::string& image) {
  auto started = Start({.image = image, .memory_bytes = usual_memory_bytes_}, CpuWeight::kLow);
  if (!started) return Forward(std::move(started));
  disposal_.Add(std::move(*started));
  return {};
}

Result<RunscRunner::Attempt> RunscRunner::RunIn(Sandbox& sandbox, const Sources& sources,
                                                const init::HandOver& hand_over, const Limits& limits,
                                                const RunRequest& request, const std::function<void()>& on_started,
                                                std::stop_token stop) {
  auto refused = sandbox.MountRepository(sources.repository.get(), request, owner_mappings_);
  for (size_t i = 0; i < sources.others.size() && refused && !*refused; ++i) {
    refused = sandbox.MountOther(sources.others[i].get(), request.also_visible[i].string(), owner_mappings_);
  }
  if (!refused) return Forward(std::move(refused));
  if (*refused) return **std::move(refused);
  auto accounted = sandbox.RunCommand(hand_over, limits,
                                      {.timeout = request.timeout,
                                       .max_output_bytes = request.max_output_bytes,
                                       .stdout_to = request.stdout_to,
                                       .stderr_to = request.stderr_to},
                                      on_started, std::move(stop));
  if (!accounted) return Forward(std::move(accounted));
  return *std::move(accounted);
}

Result<RunResult> RunscRunner::Run(const RunRequest& request, const std::function<void()>& on_started,
                                   std::stop_token stop) {
  const SteadyTime called = std::chrono::steady_clock::now();
  auto hand_over = MakeHandOver(request, scratch_bytes_);
  if (!hand_over) return Forward(std::move(hand_over));
  if (auto* refused = std::get_if<NotStarted>(&*hand_over)) return WithoutStart(std::move(*refused));
  auto limits = Enforceable(request.limits, cgroups_, without_cgroups_);
  if (!limits) return Forward(std::move(limits));
  limits->scratch_bytes = std::get<init::HandOver>(*hand_over).scratch_bytes;

  if (images_.Find(request.image) == nullptr) {
    return WithoutStart(NotStarted{.cause = NotStarted::Cause::kImageUnavailable,
                                   .message = fmt::format("there is no image \"{}\"; offered are: {}", request.image,
                                                          fmt::join(images_.names(), ", "))});
  }
  auto repository = OpenRepository(repository_root_.get(), request.readable_path, request.repository_path);
  if (!repository) return Forward(std::move(repository));
  if (auto* refused = std::get_if<NotStarted>(&*repository)) return WithoutStart(std::move(*refused));
  Sources sources{.repository = std::move(std::get<UniqueFd>(*repository)), .others = {}};
  for (const std::filesystem::path& directory : request.also_visible) {
    sources.others.emplace_back(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!sources.others.back().valid()) return FailErrno(errno, fmt::format("open \"{}\"", directory.string()));
  }
  if (stop.stop_requested()) return WithoutStart(Cancelled{});

  const auto& command = std::get<init::HandOver>(*hand_over);
  const PoolKind kind{.image = request.image, .memory_bytes = limits->memory_bytes};
  std::unique_ptr<Sandbox> sandbox = pool_.Take(kind);
  bool warm = sandbox != nullptr;
  std::optional<Result<Attempt>> attempt;
  if (warm) attempt = RunIn(*sandbox, sources, command, *limits, request, on_started, stop);
  // One that waited may have died just now. As its command was not started, nothing is lost.
  if (attempt && DiedBeforeItsCommand(*attempt)) {
    disposal_.Add(std::move(sandbox));
    warm = false;
  }
  if (!warm) {
    auto started = Start(kind, CpuWeight::kOrdinary);
    if (!started) return Forward(std::move(started));
    sandbox = std::move(*started);
    attempt = RunIn(*sandbox, sources, command, *limits, request, on_started, stop);
  }
  disposal_.Add(std::move(sandbox));
  if (!*attempt) return Forward(std::move(*attempt));
  if (auto* not_mounted = std::get_if<NotStarted>(&**attempt)) return WithoutStart(std::move(*not_mounted));
  auto& accounted = std::get<Accounted>(**attempt);
  Supervised& supervised = accounted.supervised;
  Result<Ending> ending = ToEnding(supervised.ending, request);
  if (!ending) return Forward(std::move(ending));

  RunResult result = WithoutStart(*std::move(ending));
  result.warm = warm;
  result.isolation.repository = ToString(request.access);
  result.isolation.limits = *limits;
  result.usage = accounted.usage;
  result.stdout_output = std::move(supervised.stdout_output);
  result.stderr_output = std::move(supervised.stderr_output);
  if (supervised.started) {
    result.startup = Between(called, *supervised.started);
    result.duration = Between(*supervised.started, supervised.ended);
  }
  return result;
}

}  // namespace fumehood::sandbox
