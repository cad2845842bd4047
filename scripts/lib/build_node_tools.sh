# Builds what a real node runs from Go modules: scheduler, controller manager, kube-proxy, kubelet, containerd, runc and the shims.
# shellcheck shell=bash
# shellcheck source=build_tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/build_tools.sh"
# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

kubernetes_node_tools=(kube-scheduler kube-controller-manager kube-proxy kubelet)
containerd_tools=(containerd ctr containerd-shim-runc-v2)
node_tools=("${kubernetes_node_tools[@]}" "${containerd_tools[@]}" runc containerd-shim-runsc-v1)

build_containerd_tool() { # NAME
  local commands=github.com/containerd/containerd/v2/cmd
  begin_module containerd "$commands/containerd" "$commands/ctr" "$commands/containerd-shim-runc-v2"
  printf 'module fumehood.dev/tools/containerd\n\ngo 1.26.0\n\nrequire github.com/containerd/containerd/v2 %s\n' \
    "$containerd_version" >"$module_folder/go.mod"
  build_go_program "$1" "building $1 $containerd_version" "$commands/$1" \
    "-X github.com/containerd/containerd/v2/version.Version=$containerd_version"
}

# It changes namespaces in C before Go starts its threads.
build_runc() {
  begin_module runc github.com/opencontainers/runc
  printf 'module fumehood.dev/tools/runc\n\ngo 1.26.0\n\nrequire github.com/opencontainers/runc %s\n' "$runc_version" \
    >"$module_folder/go.mod"
  go_cgo=1 build_go_program runc "building runc $runc_version" github.com/opencontainers/runc '-extldflags=-static' \
    -tags 'seccomp netgo osusergo'
}

# The shim lowers its sandbox's OOM score, and gives up where root has no CAP_SYS_RESOURCE, such as in a virtual machine that is
# itself confined. Here the refusal is tolerated: nothing that the tests look at depends on that score.
build_runsc_shim() {
  local source copy=$tools_folder/src/gvisor-shim manager=pkg/shim/v1/manager.go
  begin_module gvisor-shim-module gvisor.dev/gvisor/shim
  printf 'module fumehood.dev/tools/gvisor\n\ngo %s\n\nrequire gvisor.dev/gvisor %s\n' "$go_minimum" "$gvisor_version" \
    >"$module_folder/go.mod"
  source=$(cd "$tools_folder" && GOWORK=off GOTOOLCHAIN=local "$go" mod download -json "gvisor.dev/gvisor@$gvisor_version" |
    sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')
  [[ -d $source ]] || die "cannot download gvisor.dev/gvisor $gvisor_version; the Go module proxy must be reachable"
  rm -rf "$copy"
  cp -r "$source" "$copy"
  chmod -R u+w "$copy"
  sed -i 's/\(if err := sys.SetOOMScore(cmd.Process.Pid, oomScoreMax); err != nil\) {/\1 \&\& !os.IsPermission(err) {/' "$copy/$manager"
  grep -q 'oomScoreMax); err != nil && !os.IsPermission(err)' "$copy/$manager" ||
    die "gVisor $gvisor_version sets the shim's OOM score in another way; scripts/lib/build_node_tools.sh has to follow"
  printf '\nreplace gvisor.dev/gvisor => %s\n' "$copy" >>"$module_folder/go.mod"
  build_go_program containerd-shim-runsc-v1 "building containerd-shim-runsc-v1 $gvisor_version" gvisor.dev/gvisor/shim ""
}

# About 5 min on 2 cores in all.
provide_node_tools() {
  local name go=
  install_packages "${node_packages[@]}"
  for name in "${node_tools[@]}"; do
    is_built "$name" && continue
    [[ -n $go ]] || find_go
    case $name in
      kubelet | kube-*) build_kubernetes "$name" "2 min" ;;
      containerd | ctr | containerd-shim-runc-v2) build_containerd_tool "$name" ;;
      runc) build_runc ;;
      containerd-shim-runsc-v1) build_runsc_shim ;;
    esac
  done
}
