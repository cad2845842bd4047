#include "lib/sandbox/cgroup_location.h"

#include <gtest/gtest.h>

#include <string>

namespace fumehood::sandbox {
namespace {

constexpr char kVersionTwo[] =
    "23 1 254:0 / / rw - ext4 /dev/vda rw\n"
    "29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr char kVersionOne[] =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

struct Case {
  std::string name;
  std::string mount_info;
  std::string own_cgroups;
  CgroupLocation want;
};

TEST(CgroupLocationTest, IsFoundWhereTheKernelSaysThatWeAre) {
  const Case cases[] = {
      {"version 2",
       kVersionTwo,
       "0::/user.slice/user-0.slice/session-3.scope\n",
       {CgroupVersion::kV2,
        {{.controllers = {}, .mount_point = "/sys/fs/cgroup", .own = "user.slice/user-0.slice/session-3.scope"}}}},
      {"version 2, in a cgroup namespace",
       kVersionTwo,
       "0::/\n",
       {CgroupVersion::kV2, {{.controllers = {}, .mount_point = "/sys/fs/cgroup", .own = ""}}}},
      {"version 1, of which a container sees a part, beside an empty version 2",
       kVersionOne,
       "9:name=systemd:/docker/abc\n8:pids:/docker/abc\n4:memory:/docker/abc/own\n1:cpu,cpuacct:/\n0::/\n",
       {CgroupVersion::kV1,
        {{.controllers = {"cpu", "cpuacct"}, .mount_point = "/sys/fs/cgroup/cpu,cpuacct", .own = ""},
         {.controllers = {"memory"}, .mount_point = "/sys/fs/cgroup/memory", .own = "own"},
         {.controllers = {"pids"}, .mount_point = "/sys/fs/cgroup/pids", .own = "docker/abc"}}}},
      {"version 1, one of whose mounts shows another part of the tree",
       kVersionOne,
       "8:pids:/a\n4:memory:/docker/other\n",
       {CgroupVersion::kV1, {{.controllers = {"pids"}, .mount_point = "/sys/fs/cgroup/pids", .own = "a"}}}},
  };
  for (const Case& one : cases) {
    const auto location = LocateCgroups(one.mount_info, one.own_cgroups);
    ASSERT_TRUE(location.has_value()) << one.name << ": " << location.error().message;
    EXPECT_EQ(*location, one.want) << one.name;
  }
}

TEST(CgroupLocationTest, IsNowhereWithoutMountsOrOutsideOfThem) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"", "0::/\n"},
      {kVersionTwo, ""},
      {kVersionTwo, "0::/../other\n"},
      {"29 23 0:26 /ours /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/others\n"},
      {"29 23\n- cgroup2\n", "nonsense\n0:\n::\n"},
  };
  for (const auto& [mount_info, own_cgroups] : cases) {
    EXPECT_FALSE(LocateCgroups(mount_info, own_cgroups).has_value()) << mount_info << own_cgroups;
  }
}

}  // namespace
}  // namespace fumehood::sandbox
