#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/doctor/report.h"

namespace fumehood::cli::doctor {
namespace {

using testing::HasSubstr;
using testing::Not;

Report Of(Isolation wanted) {
  return {.checks = {{.name = "sandbox-systrap", .state = State::kFailed, .found = "no", .why = "so", .fix = "do"},
                     {.name = "docker-engine", .state = State::kFailed, .found = "no", .why = "so", .fix = "do"},
                     {.name = "disk", .state = State::kFailed, .found = "full", .why = "so", .fix = "do"}},
          .wanted = wanted};
}

std::vector<State> StatesAfterSettingAside(Report report) {
  SetAside(report);
  return {report.checks[0].state, report.checks[1].state, report.checks[2].state};
}

TEST(DoctorReportTest, TakesWhatAutoWouldTake) {
  Report report = Of(Isolation::kAuto);
  EXPECT_EQ(report.taken(), std::nullopt);
  report.docker_works = true;
  EXPECT_EQ(report.taken(), Isolation::kDocker);
  report.runsc_works = true;
  EXPECT_EQ(report.taken(), Isolation::kRunsc);
  report.wanted = Isolation::kDocker;
  EXPECT_EQ(report.taken(), Isolation::kDocker);
  report.docker_works = false;
  EXPECT_EQ(report.taken(), std::nullopt);
}

TEST(DoctorReportTest, WhereNothingWorksEveryFailureCounts) {
  EXPECT_EQ(StatesAfterSettingAside(Of(Isolation::kAuto)),
            (std::vector{State::kFailed, State::kFailed, State::kFailed}));
}

TEST(DoctorReportTest, WhatTheOtherIsolationNeedsIsANoteWhereOneWorks) {
  Report with_runsc = Of(Isolation::kAuto);
  with_runsc.runsc_works = true;
  EXPECT_EQ(StatesAfterSettingAside(with_runsc), (std::vector{State::kFailed, State::kNote, State::kFailed}));
  Report with_docker = Of(Isolation::kAuto);
  with_docker.docker_works = true;
  EXPECT_EQ(StatesAfterSettingAside(with_docker), (std::vector{State::kNote, State::kFailed, State::kFailed}));
}

TEST(DoctorReportTest, WhatTheOtherIsolationNeedsIsANoteWhereOneIsWanted) {
  EXPECT_EQ(StatesAfterSettingAside(Of(Isolation::kRunsc)),
            (std::vector{State::kFailed, State::kNote, State::kFailed}));
  EXPECT_EQ(StatesAfterSettingAside(Of(Isolation::kDocker)),
            (std::vector{State::kNote, State::kFailed, State::kFailed}));
}

TEST(DoctorReportTest, ARepositoryThatCantBeSeenIsNotHealthy) {
  Report report = Of(Isolation::kAuto);
  report.runsc_works = true;
  EXPECT_TRUE(report.healthy());
  report.repository_is_usable = false;
  EXPECT_FALSE(report.healthy());
}

TEST(DoctorReportTest, TextGivesAdviceWhereItIsNeeded) {
  Report report = Of(Isolation::kAuto);
  report.checks.push_back({.name = "clock", .state = State::kOk, .found = "noon", .why = "because", .fix = "nothing"});

  const std::string text = ToText(report);

  EXPECT_THAT(text, HasSubstr("FAILED   disk             full\n                          why: so\n"
                              "                          fix: do\n"));
  EXPECT_THAT(text, HasSubstr("ok       clock            noon\n"));
  EXPECT_THAT(text, Not(HasSubstr("because")));
  EXPECT_THAT(text, HasSubstr("can't work here"));
}

TEST(DoctorReportTest, JsonHasItAll) {
  Report report = Of(Isolation::kAuto);
  report.docker_works = true;

  const nlohmann::json json = ToJson(report);

  EXPECT_EQ(json["healthy"], true);
  EXPECT_EQ(json["isolation"], "docker");
  EXPECT_EQ(json["works"], nlohmann::json::parse(R"({"runsc": false, "docker": true})"));
  EXPECT_EQ(json["checks"][2],
            nlohmann::json::parse(R"({"name": "disk", "state": "failed", "found": "full", "why": "so", "fix": "do"})"));
  report.docker_works = false;
  EXPECT_TRUE(ToJson(report)["isolation"].is_null());
}

}  // namespace
}  // namespace fumehood::cli::doctor
