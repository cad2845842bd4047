# Where etcd, kube-apiserver, kubectl and runsc are: given by the caller, built by scripts/setup, or on the PATH.
# shellcheck shell=bash
# shellcheck source=paths.sh
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
# shellcheck source=versions.sh
source "$(dirname "${BASH_SOURCE[0]}")/versions.sh"
# shellcheck source=runsc_age.sh
source "$(dirname "${BASH_SOURCE[0]}")/runsc_age.sh"

at_least() { # MINIMUM VERSION
  [[ -n $2 && $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]
}

# What the built NAME must be; the stamp beside it says what it is.
wanted_stamp() {
  case $1 in
    etcd) echo "$etcd_version" ;;
    kubectl | kubelet | kube-*) echo "v$kubernetes_version" ;;
    runsc) echo "$gvisor_version, tells its version" ;;
    containerd | ctr | containerd-shim-runc-v2) echo "$containerd_version" ;;
    runc) echo "$runc_version" ;;
    containerd-shim-runsc-v1) echo "$gvisor_version, tolerates a fixed OOM score" ;;
  esac
}
is_built() { # NAME
  [[ -x $tools_folder/bin/$1 && $(cat "$tools_folder/bin/.$1.stamp" 2>/dev/null) == "$(wanted_stamp "$1")" ]]
}

is_recent_kubectl() {
  at_least "$kubernetes_minimum" "$("$1" version --client -o json 2>/dev/null | sed -n 's/.*"gitVersion": "v\([0-9.]*\).*/\1/p')"
}

# Prints the path of NAME, or fails.
find_tool() {
  local name=$1 given=${KUBEBUILDER_ASSETS:+$KUBEBUILDER_ASSETS/$1} found
  if [[ $name != runsc && -n $given && -x $given ]]; then
    echo "$given"
  elif is_built "$name"; then
    echo "$tools_folder/bin/$name"
  elif found=$(type -P "$name") && case $name in
    runsc) is_recent_runsc "$found" ;;
    kubectl) is_recent_kubectl "$found" ;;
    *) false ;;
  esac then
    echo "$found"
  else
    return 1
  fi
}
