#include "lib/service/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "lib/base/unique_fd.h"
#include "lib/service/process_usage.h"

namespace fumehood::service {
namespace {

using testing::HasSubstr;

TEST(MetricsTest, ASeriesIsThereBeforeItCounts) {
  Metrics metrics;
  metrics.AddCounter("endings_total", "Endings.", {{"reason", "Lost"}});
  metrics.AddCounter("endings_total", "Endings.", {{"reason", "Cancelled"}}).Increment();
  const std::string text = metrics.Render();
  EXPECT_THAT(text, HasSubstr("# HELP endings_total Endings.\n# TYPE endings_total counter\n"));
  EXPECT_THAT(text, HasSubstr("endings_total{reason=\"Lost\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("endings_total{reason=\"Cancelled\"} 1\n"));
}

TEST(MetricsTest, SameNameAndLabelsAreTheSameMetric) {
  Metrics metrics;
  EXPECT_EQ(&metrics.AddGauge("g", "G.", {{"a", "b"}}), &metrics.AddGauge("g", "G.", {{"a", "b"}}));
}

TEST(MetricsTest, WhatIsLookedUpIsLookedUpForEachRendering) {
  Metrics metrics;
  int looked = 0;
  metrics.OnRender([&, &gauge = metrics.AddGauge("looked", "Looked.")] { gauge.Set(++looked); });
  EXPECT_THAT(metrics.Render(), HasSubstr("looked 1\n"));
  EXPECT_THAT(metrics.Render(), HasSubstr("looked 2\n"));
}

TEST(MetricsTest, TellsWhichProgramThisIs) {
  EXPECT_THAT(Metrics().Render(), HasSubstr("fumehood_build_info{version=\"" FUMEHOOD_VERSION "\"} 1\n"));
}

TEST(ProcessUsageTest, IsPlausible) {
  const ProcessUsage usage = ReadProcessUsage();
  EXPECT_GE(usage.cpu_seconds, 0);
  EXPECT_GT(usage.resident_bytes, 100'000);
  EXPECT_GT(usage.virtual_bytes, usage.resident_bytes);
  EXPECT_GE(usage.threads, 1);
  EXPECT_GT(usage.max_fds, usage.open_fds);
  const auto now = static_cast<double>(time(nullptr));
  EXPECT_LE(usage.start_time_seconds, now + 1);
  EXPECT_GT(usage.start_time_seconds, now - 3'600);
}

TEST(ProcessUsageTest, CountsDescriptors) {
  const double before = ReadProcessUsage().open_fds;
  const UniqueFd one_more(dup(STDERR_FILENO));
  EXPECT_EQ(ReadProcessUsage().open_fds, before + 1);
}

}  // namespace
}  // namespace fumehood::service
