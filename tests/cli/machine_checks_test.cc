#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "cli/doctor/machine.h"

namespace fumehood::cli::doctor {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int64_t kNow = 1'790'000'000;
constexpr uint64_t kGibibyte = uint64_t{1} << 30;

// On which everything works.
Machine Sound() {
  return {.architecture = "x86_64",
          .kernel = "6.18.5-generic",
          .uid = 0,
          .may_mount = true,
          .user_namespace_refusal = "",
          .seccomp_mode = 0,
          .apparmor_profile = "unconfined",
          .ptrace_scope = "1",
          .cgroup_refusal = "",
          .rooms = {{.path = "/run", .free_bytes = kGibibyte, .free_files = 100'000}},
          .time = kNow,
          .program_time = kNow - 1'000,
          .clock_is_synchronised = true};
}

struct Case {
  std::string name;
  std::function<void(Machine&)> change;
  std::function<Check(const Machine&)> check;
  State want = State::kOk;
  std::string want_found = "";
  std::string want_fix = "";
};

template <Check (*kCheck)(const Machine&, Sandbox), Sandbox kSandbox>
Check With(const Machine& machine) {
  return kCheck(machine, kSandbox);
}

class MachineCheckTest : public testing::TestWithParam<Case> {};

TEST_P(MachineCheckTest, TellsWhatIsTheMatter) {
  Machine machine = Sound();
  GetParam().change(machine);

  const Check check = GetParam().check(machine);

  EXPECT_EQ(ToString(check.state), ToString(GetParam().want));
  EXPECT_THAT(check.found, HasSubstr(GetParam().want_found));
  EXPECT_THAT(check.fix, HasSubstr(GetParam().want_fix));
  EXPECT_THAT(check.found, Not(IsEmpty()));
  if (GetParam().want == State::kFailed) {
    EXPECT_THAT(check.why, Not(IsEmpty()));
    EXPECT_THAT(check.fix, Not(IsEmpty()));
  }
}

void Nothing(Machine&) {}

INSTANTIATE_TEST_SUITE_P(
    , MachineCheckTest,
    testing::Values(
        Case{"Architecture", Nothing, CheckArchitecture, State::kOk, "x86_64"},
        Case{"Arm64", [](Machine& m) { m.architecture = "aarch64"; }, CheckArchitecture, State::kOk, "aarch64"},
        Case{"RiscV", [](Machine& m) { m.architecture = "riscv64"; }, CheckArchitecture, State::kFailed, "riscv64"},
        Case{"Kernel", Nothing, CheckKernel, State::kOk, "Linux 6.18.5"},
        Case{"KernelJustNewEnough", [](Machine& m) { m.kernel = "5.12.0"; }, CheckKernel, State::kOk},
        Case{"KernelForDockerOnly", [](Machine& m) { m.kernel = "5.10.0-28-amd64"; }, CheckKernel, State::kFailed,
             "5.10.0", "--isolation=docker"},
        Case{"KernelTooOld", [](Machine& m) { m.kernel = "4.18.0-553.el8"; }, CheckKernel, State::kFailed, "4.18",
             "newer kernel"},
        Case{"KernelOfOtherWords", [](Machine& m) { m.kernel = "unknown"; }, CheckKernel, State::kFailed, "unknown"},
        Case{"UserNamespaces", [](Machine& m) { m.may_mount = false; }, CheckUserNamespaces, State::kOk},
        Case{"UserNamespacesForbidden",
             [](Machine& m) {
               m.may_mount = false;
               m.user_namespace_refusal = "user.max_user_namespaces is 0";
             },
             CheckUserNamespaces, State::kFailed, "is 0", "sysctl"},
        Case{"UserNamespacesForbiddenToRoot", [](Machine& m) { m.user_namespace_refusal = "not permitted"; },
             CheckUserNamespaces, State::kNote},
        Case{"Cgroup", Nothing, CheckCgroup, State::kOk, "can be limited"},
        Case{"NoCgroup", [](Machine& m) { m.cgroup_refusal = "permission denied"; }, CheckCgroup, State::kNote,
             "no memory limit", "run as root"},
        Case{"NoFilter", Nothing, With<CheckSeccomp, Sandbox::kDoesNotStart>, State::kOk},
        Case{"FilterThatLetsSandboxesStart", [](Machine& m) { m.seccomp_mode = 2; },
             With<CheckSeccomp, Sandbox::kStarts>, State::kOk, "sandboxes start"},
        Case{"Filter", [](Machine& m) { m.seccomp_mode = 2; }, With<CheckSeccomp, Sandbox::kDoesNotStart>,
             State::kFailed, "mode 2", "seccomp=unconfined"},
        Case{"NoAppArmor", [](Machine& m) { m.apparmor_profile.reset(); }, With<CheckAppArmor, Sandbox::kDoesNotStart>,
             State::kOk, "not in use"},
        Case{"Unconfined", Nothing, With<CheckAppArmor, Sandbox::kDoesNotStart>, State::kOk, "unconfined"},
        Case{"Profile", [](Machine& m) { m.apparmor_profile = "docker-default (enforce)"; },
             With<CheckAppArmor, Sandbox::kDoesNotStart>, State::kFailed, "docker-default", "apparmor=unconfined"},
        Case{"ProfileThatLetsSandboxesStart", [](Machine& m) { m.apparmor_profile = "fumehood (enforce)"; },
             With<CheckAppArmor, Sandbox::kStarts>, State::kOk},
        Case{"NoYama", [](Machine& m) { m.ptrace_scope.reset(); }, With<CheckYama, Sandbox::kDoesNotStart>, State::kOk,
             "not in use"},
        Case{"YamaOfDescendants", Nothing, With<CheckYama, Sandbox::kDoesNotStart>, State::kOk, "is 1"},
        Case{"YamaOfAdministrators", [](Machine& m) { m.ptrace_scope = "2"; }, With<CheckYama, Sandbox::kDoesNotStart>,
             State::kFailed, "is 2", "sudo sysctl"},
        Case{"YamaOfNobody", [](Machine& m) { m.ptrace_scope = "3"; }, With<CheckYama, Sandbox::kDoesNotStart>,
             State::kFailed, "is 3", "restart the machine"},
        Case{"Disk", Nothing, CheckDisk, State::kOk, "1024 MiB in /run"},
        Case{"DiskAlmostFull", [](Machine& m) { m.rooms[0].free_bytes = kGibibyte / 16; }, CheckDisk, State::kNote},
        Case{"DiskFull",
             [](Machine& m) { m.rooms.push_back({.path = "/tmp", .free_bytes = 4'096, .free_files = 9'999}); },
             CheckDisk, State::kFailed, "0 MiB in /tmp", "df"},
        Case{"NoMoreFiles", [](Machine& m) { m.rooms[0].free_files = 3; }, CheckDisk, State::kFailed, "for 3 files"},
        Case{"Clock", Nothing, CheckClock, State::kOk, "2026-09-21"},
        Case{"ClockOfNobody", [](Machine& m) { m.clock_is_synchronised = false; }, CheckClock, State::kNote},
        Case{"ClockOfThePast", [](Machine& m) { m.time = 0; }, CheckClock, State::kFailed, "1970-01-01", "set-ntp"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace fumehood::cli::doctor
