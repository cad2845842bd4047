#include "cli/doctor/doctor.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/doctor/docker.h"
#include "cli/doctor/gvisor.h"
#include "cli/doctor/machine.h"
#include "cli/doctor/report.h"
#include "cli/doctor/visible.h"
#include "cli/local_command.h"
#include "cli/options.h"

namespace fumehood::cli {
namespace {

using namespace doctor;

struct DoctorOptions {
  LocalOptions local;
  LocalCommand command;
  bool json = false;
};

constexpr int kUnhealthy = 1;

std::vector<Check> CheckSandboxes(const Gvisor& gvisor, const LocalOptions& options) {
  std::vector<Check> checks;
  for (const std::string platform : {"systrap", "ptrace", "kvm"}) {
    checks.push_back(gvisor.version.empty() ? Unasked("sandbox-" + platform, "runsc")
                                            : CheckSandbox(platform, options));
    Check& check = checks.back();
    if (platform == options.platform || check.state != State::kFailed) continue;
    check.state = State::kNote;
    check.why = "only --platform=" + platform + " needs it";
    check.fix.clear();
  }
  return checks;
}

void ExamineGvisor(const DoctorOptions& options, const Machine& machine, Report& report) {
  const Gvisor gvisor = LookAtGvisor(options.local);
  const std::vector<Check> sandboxes = CheckSandboxes(gvisor, options.local);
  const std::string wanted = "sandbox-" + options.local.platform;
  const auto tried = std::ranges::find(sandboxes, wanted, &Check::name);
  report.runsc_works = tried != sandboxes.end() && tried->state == State::kOk;

  std::vector<Check> program = {CheckRunsc(gvisor), CheckRunscVersion(gvisor), CheckRunscLayout(gvisor)};
  if (report.runsc_works && program.back().state == State::kFailed) program.back().state = State::kNote;
  const bool is_usable =
      std::ranges::none_of(program, [](const Check& check) { return check.state == State::kFailed; });
  if (is_usable) {
    program.push_back({.name = "installer", .state = State::kSkipped, .found = "not needed: runsc is there"});
    program.push_back({.name = "download", .state = State::kSkipped, .found = "not needed: runsc is there"});
  } else {
    program.push_back(CheckInstaller());
    program.push_back(CheckDownload(machine.architecture));
  }
  auto& checks = report.checks;
  checks.insert(checks.end(), program.begin(), program.end());
  checks.insert(checks.end(), sandboxes.begin(), sandboxes.end());
  checks.push_back(report.runsc_works ? CheckVisible("repository", Isolation::kRunsc, options.command, options.local)
                                      : Unasked("repository", wanted));
}

void ExamineDocker(const DoctorOptions& options, Report& report) {
  const Docker docker = LookAtDocker(options.local);
  std::vector<Check> checks = {CheckDockerProgram(docker), CheckDockerEngine(docker), CheckDockerGroup(docker),
                               CheckDockerRuntime(docker), CheckDockerImage(docker)};
  checks.push_back(CheckDockerSandbox(checks, options.local));
  report.docker_works = checks.back().state == State::kOk;
  checks.push_back(report.docker_works
                       ? CheckVisible("docker-mounts", Isolation::kDocker, options.command, options.local)
                       : Unasked("docker-mounts", "docker-sandbox"));
  report.checks.insert(report.checks.end(), checks.begin(), checks.end());
}

Report Examine(const DoctorOptions& options) {
  const Machine machine = LookAtMachine({StateDirectory(), std::filesystem::temp_directory_path()});
  Report report{.wanted = options.local.isolation};
  report.checks = {CheckArchitecture(machine), CheckKernel(machine)};
  ExamineGvisor(options, machine, report);
  const Sandbox sandbox = report.runsc_works ? Sandbox::kStarts : Sandbox::kDoesNotStart;
  for (const Check& check : {CheckUserNamespaces(machine), CheckCgroup(machine), CheckSeccomp(machine, sandbox),
                             CheckAppArmor(machine, sandbox), CheckYama(machine, sandbox)}) {
    report.checks.push_back(check);
  }
  ExamineDocker(options, report);
  report.checks.push_back(CheckDisk(machine));
  report.checks.push_back(CheckClock(machine));
  const auto taken = report.taken();
  const std::string_view visible = taken == Isolation::kDocker ? "docker-mounts" : "repository";
  report.repository_is_usable = std::ranges::none_of(
      report.checks, [visible](const Check& check) { return check.name == visible && check.state == State::kFailed; });
  SetAside(report);
  return report;
}

}  // namespace

void AddDoctor(CLI::App& app, int& status) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = app.add_subcommand(
      "doctor", "Finds out what keeps `fumehood run` from working here, and how to repair it: starts sandboxes.");
  AddLocalOptions(*command, options->local);
  command->add_option("--repo", options->command.repository, "also look whether a sandbox shows this repository");
  command->add_option("--workdir", options->command.working_dir, "and this working directory");
  command->add_flag("--json", options->json, "prints one JSON object");
  command->footer("Exit status: 0 when `fumehood run` with the same options works, 1 when it doesn't.");
  command->callback([options, &status] {
    const Report report = Examine(*options);
    if (options->json) {
      std::cout << ToJson(report) << std::endl;
    } else {
      std::cout << ToText(report) << std::flush;
    }
    status = report.healthy() ? 0 : kUnhealthy;
  });
}

}  // namespace fumehood::cli
