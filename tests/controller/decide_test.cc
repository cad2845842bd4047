#include "controller/decide.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "lib/api/names.h"
#include "tests/fakes/sample_objects.h"

namespace fumehood::controller {
namespace {

// What a decision is made from; by itself it is one idle executor, and a command that fits it.
struct Situation {
  api::SandboxCommand command = api::Read(api::SampleCommand());
  std::optional<api::RuntimeClass> runtime_class = api::ReadRuntimeClass(api::SampleRuntimeClass()).value();
  RankedExecutors executors = {Idle("node-1", 2)};
  Liveness bound_executor = Liveness::kAlive;
  api::Configuration::Parts configuration = {};
  int64_t running = 0;

  static ReadyExecutor Idle(const std::string& node_name, int64_t slots) {
    return {.offer = std::make_shared<const api::SandboxExecutor>(
                api::ReadSandboxExecutor(api::SampleExecutor(node_name, slots)).value()),
            .node = std::make_shared<const api::Node>(api::ReadNode(api::SampleNode(node_name)).value())};
  }
  static ReadyExecutor Busy(const std::string& node_name, int64_t slots, int64_t busy) {
    ReadyExecutor executor = Idle(node_name, slots);
    executor.load.commands = busy;
    return executor;
  }
  static ReadyExecutor Offering(const std::string& node_name, const std::vector<std::string>& images) {
    api::SandboxExecutor offer = *Idle(node_name, 2).offer;
    offer.status.images = images;
    ReadyExecutor executor = Idle(node_name, 2);
    executor.offer = std::make_shared<const api::SandboxExecutor>(std::move(offer));
    return executor;
  }
  static ReadyExecutor WithAllocatable(const std::string& node_name, const api::Allocatable& allocatable,
                                       const Load& load) {
    api::SandboxExecutor offer = *Idle(node_name, 8).offer;
    offer.status.allocatable = allocatable;
    ReadyExecutor executor = Idle(node_name, 8);
    executor.offer = std::make_shared<const api::SandboxExecutor>(std::move(offer));
    executor.load = load;
    return executor;
  }
  static ReadyExecutor Labelled(const std::string& node_name, const std::map<std::string, std::string>& labels) {
    ReadyExecutor executor = Idle(node_name, 2);
    executor.node = std::make_shared<const api::Node>(api::ReadNode(api::SampleNode(node_name, labels)).value());
    return executor;
  }
};

std::string Describe(const Nothing&) { return "nothing"; }
std::string Describe(const Bind& bind) {
  return fmt::format("bind {} {} retries={}", bind.node_name, bind.executor.pod_name, bind.retries);
}
std::string Describe(const Wait& wait) {
  return fmt::format("wait {}: {} retries={}", wait.reason, wait.message, wait.retries);
}
std::string Describe(const End& end) {
  return fmt::format("end {} {}: {}", ToString(end.phase), end.reason, end.message);
}

api::SandboxCommand HandedBack(const std::string& reason, int64_t retries = 0) {
  auto command = api::Read(api::AsHandedBack(api::SampleCommand(), 1, reason));
  command.status.retries = retries;
  return command;
}

void Lose(Situation& situation) {
  situation.command = api::Read(api::AsBound(api::SampleCommand(), "node-0"));
  situation.bound_executor = Liveness::kLost;
}

struct DecideCase {
  std::string name;
  std::function<void(Situation&)> change;
  std::string want;  // how the description of the decision begins

  friend void PrintTo(const DecideCase& row, std::ostream* out) { *out << row.name; }
};

class DecideTest : public testing::TestWithParam<DecideCase> {};

TEST_P(DecideTest, DecidesByTheFacts) {
  Situation situation;
  GetParam().change(situation);
  const api::Configuration configuration(situation.configuration);
  const Decision decision =
      Decide(situation.command, {.configuration = configuration,
                                 .runtime_class = situation.runtime_class ? &*situation.runtime_class : nullptr,
                                 .executors = situation.executors,
                                 .running = situation.running,
                                 .bound_executor = situation.bound_executor});
  const std::string description = std::visit([](const auto& decided) { return Describe(decided); }, decision);
  EXPECT_THAT(description, testing::StartsWith(GetParam().want));
}

std::string NameOf(const testing::TestParamInfo<DecideCase>& info) { return info.param.name; }

const DecideCase kWhoseBusiness[] = {
    {"FitsAnIdleExecutor", [](Situation&) {}, "bind node-1 executor-on-node-1"},
    {"Finished", [](Situation& s) { s.command = api::Read(api::AsFinished(api::SampleCommand(), WallTime{})); },
     "nothing"},
    {"FinishedAndDeleted",
     [](Situation& s) {
       s.command = api::Read(api::AsFinished(api::SampleCommand(), WallTime{}));
       s.command.metadata.deletion_timestamp = WallTime{};
     },
     "nothing"},
    {"Bound", [](Situation& s) { s.command = api::Read(api::AsBound(api::SampleCommand())); }, "nothing"},
    {"BoundAndCancelledIsTheExecutorsBusiness",
     [](Situation& s) {
       s.command = api::Read(api::AsBound(api::SampleCommand()));
       s.command.spec.cancel = true;
     },
     "nothing"},
    {"Running",
     [](Situation& s) {
       s.command = api::Read(api::AsBound(api::SampleCommand()));
       s.command.status.phase = api::Phase::kRunning;
     },
     "nothing"},
    {"CancelledBeforeItIsBound", [](Situation& s) { s.command.spec.cancel = true; },
     "end Cancelled Cancelled: cancelled before it was started"},
    {"DeletedBeforeItIsBound", [](Situation& s) { s.command.metadata.deletion_timestamp = WallTime{}; },
     "end Cancelled Cancelled: cancelled before it was started"},
    {"CancelledWhileItWaits",
     [](Situation& s) {
       s.command.status.phase = api::Phase::kPending;
       s.command.spec.cancel = true;
       s.executors.clear();
     },
     "end Cancelled Cancelled"},
    {"CancelledWithAnInvalidSpec",
     [](Situation& s) {
       s.command.spec.cancel = true;
       s.command.spec.command.clear();
     },
     "end Cancelled Cancelled"},
};
INSTANTIATE_TEST_SUITE_P(WhoseBusiness, DecideTest, testing::ValuesIn(kWhoseBusiness), NameOf);

const DecideCase kInvalidSpecs[] = {
    {"NeitherCommandNorShell", [](Situation& s) { s.command.spec.command.clear(); },
     "end Failed InvalidSpec: spec.command, spec.shell: exactly one"},
    {"CommandAndShell", [](Situation& s) { s.command.spec.shell = "make"; },
     "end Failed InvalidSpec: spec.command, spec.shell: exactly one"},
    {"EmptyProgram", [](Situation& s) { s.command.spec.command = {""}; }, "end Failed InvalidSpec: spec.command[0]"},
    {"NulInAnArgument", [](Situation& s) { s.command.spec.command = {"ls", std::string("a\0b", 3)}; },
     "end Failed InvalidSpec: spec.command: "},
    {"NulInTheShellCommand",
     [](Situation& s) {
       s.command.spec.command.clear();
       s.command.spec.shell = std::string("a\0b", 3);
     },
     "end Failed InvalidSpec: spec.shell: "},
    {"RepositoryOutsideOfTheRoot", [](Situation& s) { s.command.spec.repository.path = "../etc"; },
     "end Failed InvalidSpec: spec.repository.path: \"../etc\""},
    {"NoRepository", [](Situation& s) { s.command.spec.repository.path = ""; },
     "end Failed InvalidSpec: spec.repository.path: "},
    {"AbsoluteWorkingDir", [](Situation& s) { s.command.spec.working_dir = "/etc"; },
     "end Failed InvalidSpec: spec.workingDir: \"/etc\""},
    {"NameOfAVariable", [](Situation& s) { s.command.spec.env = {{"1ST", "x"}}; },
     "end Failed InvalidSpec: spec.env: \"1ST\""},
    {"NulInAVariable", [](Situation& s) { s.command.spec.env = {{"A", std::string("a\0b", 3)}}; },
     "end Failed InvalidSpec: spec.env: the value of A"},
    {"NoTime", [](Situation& s) { s.command.spec.timeout = std::chrono::seconds(0); },
     "end Failed InvalidSpec: spec.timeoutSeconds: 0"},
    {"NegativeOutput", [](Situation& s) { s.command.spec.max_output_bytes = -1; },
     "end Failed InvalidSpec: spec.output.maxBytes: -1"},
    {"InvalidEvenWithoutARuntimeClass",
     [](Situation& s) {
       s.runtime_class.reset();
       s.command.spec.command.clear();
     },
     "end Failed InvalidSpec"},
};
INSTANTIATE_TEST_SUITE_P(InvalidSpecs, DecideTest, testing::ValuesIn(kInvalidSpecs), NameOf);

const DecideCase kWaits[] = {
    {"NoRuntimeClass", [](Situation& s) { s.runtime_class.reset(); },
     "wait RuntimeClassNotFound: the RuntimeClass \"gvisor\" does not exist; "},
    {"NoExecutor", [](Situation& s) { s.executors.clear(); }, "wait NoExecutorAvailable: no executor is ready"},
    {"NobodyServesTheHandler", [](Situation& s) { s.runtime_class->handler = "kata"; },
     "wait NoExecutorAvailable: no ready executor serves the handler \"kata\" of the RuntimeClass \"gvisor\""},
    {"NoNodeForTheRuntimeClass",
     [](Situation& s) {
       s.runtime_class->node_selector = {{"sandbox", "yes"}, {"zone", "b"}};
       s.executors = {Situation::Labelled("node-1", {{"sandbox", "yes"}, {"zone", "a"}})};
     },
     "wait NoExecutorAvailable: no ready executor is on a node with the labels sandbox=yes,zone=b that the "
     "RuntimeClass \"gvisor\" asks for"},
    {"NoNodeForTheCommand",
     [](Situation& s) {
       s.command.spec.node_selector = {{"disk", "fast"}};
       s.executors = {Situation::Labelled("node-1", {{"disk", "slow"}})};
     },
     "wait NoExecutorAvailable: no ready executor is on a node with the labels disk=fast of spec.nodeSelector"},
    {"NobodyOffersTheImage",
     [](Situation& s) {
       s.command.spec.image = "rust";
       s.executors = {Situation::Offering("node-1", {"go", "default"}), Situation::Offering("node-2", {"default"})};
     },
     "wait ImageNotFound: no ready executor offers the image \"rust\"; offered: default, go"},
    {"NobodyOffersAnyImage", [](Situation& s) { s.executors = {Situation::Offering("node-1", {})}; },
     "wait ImageNotFound: no ready executor offers the image \"default\"; offered: none"},
    {"OfManyImagesSomeAreNamed",
     [](Situation& s) {
       std::vector<std::string> images;
       for (int i = 10; i < 40; ++i) images.push_back(fmt::format("go-1.{}", i));
       s.executors = {Situation::Offering("node-1", images)};
     },
     "wait ImageNotFound: no ready executor offers the image \"default\"; offered: go-1.10, go-1.11, go-1.12, go-1.13, "
     "go-1.14, go-1.15, go-1.16, go-1.17, go-1.18, go-1.19, go-1.20, go-1.21, go-1.22, go-1.23, go-1.24, go-1.25, "
     "go-1.26, go-1.27, go-1.28, go-1.29, …"},
    {"EverySlotIsTaken",
     [](Situation& s) { s.executors = {Situation::Busy("node-1", 2, 2), Situation::Busy("node-2", 1, 1)}; },
     "wait Queued: every slot of the executors that could run it is taken, or goes to commands that come before it"},
    {"MoreThanEverySlotIsTaken", [](Situation& s) { s.executors = {Situation::Busy("node-1", 2, 3)}; }, "wait Queued"},
    {"ExecutorWithoutSlots", [](Situation& s) { s.executors = {Situation::Idle("node-1", 0)}; }, "wait Queued"},
    {"FreeSlotsOnlyWhereItDoesNotFit",
     [](Situation& s) { s.executors = {Situation::Busy("node-1", 2, 2), Situation::Offering("node-2", {"go"})}; },
     "wait Queued"},
};
INSTANTIATE_TEST_SUITE_P(Waits, DecideTest, testing::ValuesIn(kWaits), NameOf);

constexpr int64_t kGiB = int64_t{1} << 30;

const DecideCase kConfigured[] = {
    {"MoreThanTheMaximum",
     [](Situation& s) {
       s.configuration.otherwise.max_resources.memory_bytes = kGiB;
       s.command.spec.resources.memory = "2Gi";
     },
     "end Failed InvalidSpec: spec.resources.memory: 2Gi is above the maximum of the namespace, 1Gi"},
    {"LongerThanTheMaximum", [](Situation& s) { s.configuration.otherwise.max_timeout = std::chrono::seconds(30); },
     "end Failed InvalidSpec: spec.timeoutSeconds: 60 is above the maximum of the namespace, 30"},
    {"MoreOutputThanTheMaximum", [](Situation& s) { s.configuration.otherwise.max_output_bytes = 1'000; },
     "end Failed InvalidSpec: spec.output.maxBytes: 16384 is above the maximum of the namespace, 1000"},
    {"TheRulesOfItsOwnNamespaceHold",
     [](Situation& s) {
       s.configuration.otherwise.max_timeout = std::chrono::seconds(30);
       s.configuration.namespaces = {{.name = "team-*", .rules = {}}};
     },
     "bind node-1"},
    {"AnothersRepository",
     [](Situation& s) {
       s.configuration.repositories = {{.namespaces = {"*"}, .paths = {"{namespace}"}}};
       s.command.spec.repository.path = "team-b/shop";
     },
     "end Failed RepositoryUnavailable: the namespace \"team-a\" may not read the repository \"team-b/shop\"; it may "
     "read team-a, and what is below"},
    {"ItsOwnRepository",
     [](Situation& s) {
       s.configuration.repositories = {{.namespaces = {"*"}, .paths = {"{namespace}"}}};
       s.command.spec.repository.path = "team-a/shop";
     },
     "bind node-1"},
    {"CancelledThoughItIsNotAllowed",
     [](Situation& s) {
       s.configuration.otherwise.max_timeout = std::chrono::seconds(30);
       s.command.spec.cancel = true;
     },
     "end Cancelled Cancelled"},
    {"RefusedEvenWithoutAnExecutor",
     [](Situation& s) {
       s.configuration.otherwise.max_timeout = std::chrono::seconds(30);
       s.executors.clear();
     },
     "end Failed InvalidSpec"},
    {"FewerThanTheNamespaceMayHave",
     [](Situation& s) {
       s.configuration.otherwise.max_running = 2;
       s.running = 1;
     },
     "bind node-1"},
    {"AsManyAsTheNamespaceMayHave",
     [](Situation& s) {
       s.configuration.otherwise.max_running = 2;
       s.running = 2;
     },
     "wait QuotaExceeded: the namespace may have at most 2 running at a time; this one starts when another has ended"},
    {"ANamespaceThatMayHaveNone", [](Situation& s) { s.configuration.otherwise.max_running = 0; },
     "wait QuotaExceeded: the namespace may have at most 0 running"},
    {"TheQuotaIsSaidThoughNoSlotIsFree",
     [](Situation& s) {
       s.configuration.otherwise.max_running = 1;
       s.running = 1;
       s.executors = {Situation::Busy("node-1", 1, 1)};
     },
     "wait QuotaExceeded"},
    {"ButNotWhatNobodyOffers",
     [](Situation& s) {
       s.configuration.otherwise.max_running = 1;
       s.running = 1;
       s.command.spec.image = "rust";
     },
     "wait ImageNotFound"},
};
INSTANTIATE_TEST_SUITE_P(Configured, DecideTest, testing::ValuesIn(kConfigured), NameOf);

// By default a command has 1 processor and 512Mi.
const DecideCase kCapacities[] = {
    {"NothingPublishedIsNotCounted",
     [](Situation& s) {
       s.executors = {Situation::WithAllocatable(
           "node-1", {}, {.commands = 1, .cpu_millis = 1'000'000, .memory_bytes = int64_t{1} << 50})};
     },
     "bind node-1"},
    {"ExactlyWhatIsLeft",
     [](Situation& s) {
       s.executors = {Situation::WithAllocatable("node-1", {.cpu_millis = 2'000, .memory_bytes = kGiB},
                                                 {.commands = 1, .cpu_millis = 1'000, .memory_bytes = kGiB / 2})};
     },
     "bind node-1"},
    {"TooLittleCpuIsLeft",
     [](Situation& s) {
       s.executors = {Situation::WithAllocatable("node-1", {.cpu_millis = 2'000, .memory_bytes = {}},
                                                 {.commands = 1, .cpu_millis = 1'001})};
     },
     "wait Queued"},
    {"TooLittleMemoryIsLeft",
     [](Situation& s) {
       s.executors = {Situation::WithAllocatable("node-1", {.cpu_millis = {}, .memory_bytes = kGiB},
                                                 {.commands = 1, .memory_bytes = kGiB / 2 + 1})};
     },
     "wait Queued"},
    {"TheOneThatHasRoomThoughItHasMoreCommands",
     [](Situation& s) {
       s.executors = {Situation::WithAllocatable("node-1", {.cpu_millis = 1'000, .memory_bytes = {}},
                                                 {.commands = 1, .cpu_millis = 500}),
                      Situation::WithAllocatable("node-2", {.cpu_millis = 4'000, .memory_bytes = {}},
                                                 {.commands = 3, .cpu_millis = 3'000})};
     },
     "bind node-2"},
    {"MoreThanAnyHasInAll",
     [](Situation& s) {
       s.command.spec.resources.memory = "3Gi";
       s.executors = {Situation::WithAllocatable("node-1", {.cpu_millis = {}, .memory_bytes = 2 * kGiB}, {})};
     },
     "wait NoExecutorAvailable: no ready executor that could run it has cpu 1 and memory 3Gi in all"},
};
INSTANTIATE_TEST_SUITE_P(Capacities, DecideTest, testing::ValuesIn(kCapacities), NameOf);

TEST(DecideResourcesTest, ABindHasWhatIsAskedForAndTheDefaults) {
  Situation situation;
  situation.command.spec.resources.memory = "1Gi";
  situation.configuration.otherwise.resources.pids = 16;
  const api::Configuration configuration(situation.configuration);
  const Decision decision = Decide(
      situation.command,
      {.configuration = configuration, .runtime_class = &*situation.runtime_class, .executors = situation.executors});
  const auto* bind = std::get_if<Bind>(&decision);
  ASSERT_NE(bind, nullptr);
  EXPECT_EQ(bind->resources,
            (api::Resources{.cpu_millis = 1'000, .memory_bytes = kGiB, .pids = 16, .scratch_bytes = kGiB / 4}));
}

const DecideCase kChoices[] = {
    {"ANodeWithTheLabels",
     [](Situation& s) {
       s.runtime_class->node_selector = {{"sandbox", "yes"}};
       s.command.spec.node_selector = {{"disk", "fast"}};
       s.executors = {Situation::Labelled("node-1", {{"sandbox", "yes"}}),
                      Situation::Labelled("node-2", {{"disk", "fast"}}),
                      Situation::Labelled("node-3", {{"sandbox", "yes"}, {"disk", "fast"}, {"zone", "a"}})};
     },
     "bind node-3"},
    {"TheOneThatOffersTheImage",
     [](Situation& s) {
       s.command.spec.image = "go";
       s.executors = {Situation::Offering("node-1", {"default"}), Situation::Offering("node-2", {"default", "go"})};
     },
     "bind node-2"},
    {"TheLastFreeSlot",
     [](Situation& s) { s.executors = {Situation::Busy("node-1", 2, 2), Situation::Busy("node-2", 3, 2)}; },
     "bind node-2"},
    {"TheSmallestShareAndNotTheFewestCommands",
     [](Situation& s) { s.executors = {Situation::Busy("node-1", 2, 1), Situation::Busy("node-2", 10, 3)}; },
     "bind node-2"},
    {"TheFirstNameAmongEqualShares",
     [](Situation& s) { s.executors = {Situation::Busy("node-2", 2, 1), Situation::Busy("node-1", 4, 2)}; },
     "bind node-1"},
};
INSTANTIATE_TEST_SUITE_P(Choices, DecideTest, testing::ValuesIn(kChoices), NameOf);

const DecideCase kHandedBack[] = {
    {"Once", [](Situation& s) { s.command = HandedBack("Rejected"); }, "bind node-1 executor-on-node-1 retries=1"},
    {"AfterALoss", [](Situation& s) { s.command = HandedBack("ExecutorLost"); },
     "bind node-1 executor-on-node-1 retries=1"},
    {"ByADrainedExecutorDoesNotCount", [](Situation& s) { s.command = HandedBack("Draining"); },
     "bind node-1 executor-on-node-1 retries=0"},
    {"AndTakenNoteOfAlready", [](Situation& s) { s.command = HandedBack("Queued", /*retries=*/1); },
     "bind node-1 executor-on-node-1 retries=1"},
    {"AndNobodyElseIsThere",
     [](Situation& s) {
       s.command = HandedBack("Rejected");
       s.executors.clear();
     },
     "wait NoExecutorAvailable: no executor is ready retries=1"},
    {"OneTimeTooFew", [](Situation& s) { s.command = HandedBack("Rejected", /*retries=*/1); },
     "bind node-1 executor-on-node-1 retries=2"},
    {"TooOften", [](Situation& s) { s.command = HandedBack("Rejected", /*retries=*/2); },
     "end Failed ExecutorLost: attempt 1 came to nothing, and spec.retryLimit is 2: the disk is full"},
    {"DrainsNeverEndIt", [](Situation& s) { s.command = HandedBack("Draining", /*retries=*/2); },
     "bind node-1 executor-on-node-1 retries=2"},
    {"NoRetryWanted",
     [](Situation& s) {
       s.command = HandedBack("ExecutorLost");
       s.command.spec.retry_limit = 0;
     },
     "end Failed ExecutorLost: attempt 1 came to nothing, and spec.retryLimit is 0: the disk is full"},
    {"ToAnotherNodeThoughItIsBusier",
     [](Situation& s) {
       s.command = HandedBack("Rejected");
       s.executors = {Situation::Idle("node-1", 2), Situation::Busy("node-2", 2, 1)};
     },
     "bind node-2"},
    {"AndCancelled",
     [](Situation& s) {
       s.command = HandedBack("Rejected", /*retries=*/2);
       s.command.spec.cancel = true;
     },
     "end Cancelled Cancelled"},
};
INSTANTIATE_TEST_SUITE_P(HandedBack, DecideTest, testing::ValuesIn(kHandedBack), NameOf);

// Bound to node-0, whose executor is lost.
const DecideCase kLosses[] = {
    {"IsBoundAnew", [](Situation& s) { Lose(s); }, "bind node-1 executor-on-node-1 retries=1"},
    {"AlsoWhenItWasRunning",
     [](Situation& s) {
       Lose(s);
       s.command.status.phase = api::Phase::kRunning;
     },
     "bind node-1 executor-on-node-1 retries=1"},
    {"WaitsWhereNobodyIsLeft",
     [](Situation& s) {
       Lose(s);
       s.executors.clear();
     },
     "wait NoExecutorAvailable: no executor is ready retries=1"},
    {"EndsWhenItWasLostTooOften",
     [](Situation& s) {
       Lose(s);
       s.command.status.retries = 2;
     },
     "end Failed ExecutorLost: attempt 1 came to nothing, and spec.retryLimit is 2: the executor of node-0 was lost"},
    {"IsNeverBoundAgainOnceCancelled",
     [](Situation& s) {
       Lose(s);
       s.command.spec.cancel = true;
     },
     "end Cancelled Cancelled: cancelled; the executor of node-0 was lost"},
    {"OrDeleted",
     [](Situation& s) {
       Lose(s);
       s.command.metadata.deletion_timestamp = WallTime{};
     },
     "end Cancelled Cancelled"},
    {"HasItsResultAllTheSame",
     [](Situation& s) {
       Lose(s);
       s.command = api::Read(api::AsFinished(api::AsBound(api::SampleCommand(), "node-0"), WallTime{}));
     },
     "nothing"},
};
INSTANTIATE_TEST_SUITE_P(Losses, DecideTest, testing::ValuesIn(kLosses), NameOf);

}  // namespace
}  // namespace fumehood::controller
