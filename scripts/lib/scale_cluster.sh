# The cluster of `scripts/bench scale`: etcd, kube-apiserver, our objects and the controller's identity, but no controller
# and no executor.
# shellcheck shell=bash
# shellcheck source=cluster_objects.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster_objects.sh"

start_scale_cluster() { # FOLDER
  state=$1
  etcd=$(need_tool etcd)
  kube_apiserver=$(need_tool kube-apiserver)
  kubectl=$(need_tool kubectl)
  mkdir -p "$state/run" "$state/logs"
  echo '{}' >"$state/configuration.yaml"
  provide_control_plane
  say "applying crds/ and manifests/base"
  apply_manifests
  apply_node
  apply_pod "$controller_pod" fumehood-controller
  write_identity controller fumehood-controller "$controller_pod"
}

stop_scale_cluster() { # FOLDER
  state=$1
  stop_process kube-apiserver
  stop_process etcd 10 || true
}
