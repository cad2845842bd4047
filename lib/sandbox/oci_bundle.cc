#include "lib/sandbox/oci_bundle.h"

#include <nlohmann/json.hpp>

#include "lib/sandbox/init_protocol.h"

namespace fumehood::sandbox {

using nlohmann::json;

namespace {

// With an empty bounding set nothing that is executed inside can gain a capability; the init gets its own as
// ambient ones, which don't depend on it, and drops them in the command's process.
json Capabilities() {
  const json of_init = {
      "CAP_CHOWN",         //
      "CAP_DAC_OVERRIDE",  // reaches a repository's directories, whoever owns them
      "CAP_FOWNER",        // changes modes and times in an ephemeral workspace's layer, which is done as the init
      "CAP_KILL",          //
      "CAP_SETGID",        // becomes the command's user
      "CAP_SETUID",        //
      "CAP_SYS_ADMIN",     // mounts the workspace and the scratch space
  };
  return {{"bounding", json::array()},
          {"permitted", of_init},
          {"effective", of_init},
          {"inheritable", of_init},
          {"ambient", of_init}};
}

json Namespaces() {
  json namespaces = json::array();
  for (const char* type : {"pid", "mount", "ipc", "uts", "network"}) namespaces.push_back({{"type", type}});
  return namespaces;
}

}  // namespace

json OciConfig(const OciBundle& bundle) {
  return {
      {"ociVersion", "1.0.2"},
      {"hostname", "sandbox"},
      {"root", {{"path", bundle.root.string()}, {"readonly", true}}},
      {"process",
       {{"terminal", false},
        {"user", {{"uid", 0}, {"gid", 0}}},
        {"args", json::array({init::kProgramPath})},
        {"env", json::array()},
        {"cwd", "/"},
        {"noNewPrivileges", true},
        {"capabilities", Capabilities()}}},
      {"mounts",
       {{{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}},
        {{"destination", "/dev"}, {"type", "tmpfs"}, {"source", "tmpfs"}},
        // A slave, so that what the host mounts below it later appears inside, and nothing goes the other
        // way.
        {{"destination", init::kLatePath},
         {"type", "bind"},
         {"source", bundle.late.string()},
         {"options", {"rbind", "ro", "rslave"}}}}},
      {"linux", {{"namespaces", Namespaces()}}},
  };
}

}  // namespace fumehood::sandbox
