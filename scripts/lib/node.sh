# A real node on this machine: scheduler, controller manager, containerd with gVisor's shim, kubelet and kube-proxy. What they
# keep is below $state; the node has an address of its own, so that nothing depends on the machine's.
# shellcheck shell=bash disable=SC2034
# shellcheck source=control_plane.sh
source "$(dirname "${BASH_SOURCE[0]}")/control_plane.sh"

node_name=node-a
# For tests of networks (RFC 2544): nobody routes it.
api_address=198.18.0.1
address_bridge=fumehood0
pod_bridge=fumehoodbr0
pod_subnet=198.18.128.0/24
pause_image=docker.io/library/fumehood-pause:latest

containerd_socket() { echo "$state/containerd.sock"; }
node_ctr() { ctr --address "$(containerd_socket)" --namespace k8s.io "$@"; }
node_cgroup() { echo "fumehood-node-$(printf %s "$state" | cksum | cut -d ' ' -f 1)"; }

provide_address() {
  # A bridge without ports, as not every kernel has `dummy`.
  ip link show "$address_bridge" >/dev/null 2>&1 || ip link add "$address_bridge" type bridge
  ip address replace "$api_address/32" dev "$address_bridge"
  ip link set "$address_bridge" up
  sysctl -qw net.ipv4.ip_forward=1
}

# Certificates of those who talk to the API server, by the names that its own roles know.
provide_node_keys() (
  cd "$state/keys" && [[ ! -f node-complete ]] || return 0
  umask 077
  sign kubelet "/O=system:nodes/CN=system:node:$node_name" extendedKeyUsage=clientAuth &&
    sign kube-scheduler /CN=system:kube-scheduler extendedKeyUsage=clientAuth &&
    sign kube-proxy /CN=system:kube-proxy extendedKeyUsage=clientAuth &&
    sign kube-controller-manager /O=system:masters/CN=system:kube-controller-manager extendedKeyUsage=clientAuth &&
    touch node-complete
) >"$state/logs/node-keys.log" 2>&1

write_component_kubeconfig() { # NAME
  cat >"$state/$1.kubeconfig" <<Y
apiVersion: v1
kind: Config
clusters:
  - name: node
    cluster: {server: "$server", certificate-authority: $state/keys/ca.crt}
users:
  - name: $1
    user: {client-certificate: $state/keys/$1.crt, client-key: $state/keys/$1.key}
contexts:
  - name: node
    context: {cluster: node, user: $1}
current-context: node
Y
}

write_node_configuration() {
  local name
  for name in kubelet kube-scheduler kube-proxy kube-controller-manager; do write_component_kubeconfig "$name"; done
  mkdir -p "$state/cni"
  cat >"$state/cni/10-bridge.conflist" <<Y
{"cniVersion": "1.0.0", "name": "bridge", "plugins": [
  {"type": "bridge", "bridge": "$pod_bridge", "isGateway": true, "ipMasq": true,
   "ipam": {"type": "host-local", "dataDir": "$state/ipam", "ranges": [[{"subnet": "$pod_subnet"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
Y
  # Lower OOM scores are a right that root doesn't have everywhere.
  cat >"$state/containerd.toml" <<Y
version = 3
root = "$state/containerd"
state = "$state/containerd-run"
[grpc]
  address = "$(containerd_socket)"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "$pause_image"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "$state/cni"
[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "runc"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runsc]
  runtime_type = "io.containerd.runsc.v1"
Y
  # Version 1 of cgroups is what some machines have.
  cat >"$state/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
cgroupRoot: /$(node_cgroup)
containerRuntimeEndpoint: unix://$(containerd_socket)
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $state/keys/ca.crt}}
authorization: {mode: Webhook}
enforceNodeAllocatable: []
makeIPTablesUtilChains: false
evictionHard: {memory.available: 100Mi}
clusterDomain: cluster.local
clusterDNS: [10.96.0.10]
resolvConf: ""
Y
}

provide_node_cgroups() {
  local hierarchy
  while read -r hierarchy; do mkdir -p "$hierarchy/$(node_cgroup)"; done < <(findmnt --noheadings --list --output TARGET --types cgroup,cgroup2)
}

# The pods' folders of the host. Mounts that come later reach them, which the root of some machines is not made for.
provide_shared_folder() {
  mkdir -p "$state"/host/{repositories,images,ledger}
  mountpoint -q "$state/host" || { mount --bind "$state/host" "$state/host" && mount --make-rshared "$state/host"; }
}

# start_missing NAME COMMAND...
start_missing() { running_pid "$1" >/dev/null || start_process "$@"; }

start_control_loops() {
  local config=$state/kube-controller-manager.kubeconfig
  start_missing kube-controller-manager kube-controller-manager --kubeconfig="$config" --authentication-kubeconfig="$config" \
    --authorization-kubeconfig="$config" --service-account-private-key-file="$state/keys/service-accounts.key" \
    --root-ca-file="$state/keys/ca.crt" --leader-elect=false --bind-address="$api_address" --cert-dir="$state/controller-manager-pki"
  config=$state/kube-scheduler.kubeconfig
  start_missing kube-scheduler kube-scheduler --kubeconfig="$config" --authentication-kubeconfig="$config" \
    --authorization-kubeconfig="$config" --leader-elect=false --bind-address="$api_address" --cert-dir="$state/scheduler-pki"
}

does_containerd_answer() { node_ctr version; }

# load_image IMAGE: from the Docker engine that `docker` talks to.
load_image() { docker save "$1" | node_ctr images import - >>"$state/logs/import.log" 2>&1; }

# What holds a pod's namespaces. No registry is reachable, and any program that waits does.
provide_pause_image() {
  ! node_ctr images ls -q | grep -qxF "$pause_image" || return 0
  docker tag busybox fumehood-busybox >/dev/null
  printf '%s\n' 'FROM fumehood-busybox' 'ENTRYPOINT ["/bin/sleep", "2147483647"]' |
    DOCKER_BUILDKIT=0 docker build --quiet --tag fumehood-pause - >>"$state/logs/import.log"
  load_image fumehood-pause
}

node_kubectl() { "$kubectl" --kubeconfig "$state/kubeconfig" "$@"; }
is_node_ready() { node_kubectl wait --for=condition=Ready --timeout=1s "node/$node_name"; }

start_node() {
  start_missing containerd containerd --config "$state/containerd.toml"
  wait_until 30 containerd does_containerd_answer || die "containerd does not answer after 30 s"
  provide_pause_image || die "cannot give the node its pause image; see $state/logs/import.log"
  start_missing kubelet kubelet --config="$state/kubelet.yaml" --kubeconfig="$state/kubelet.kubeconfig" \
    --hostname-override="$node_name" --root-dir="$state/kubelet" --cert-dir="$state/kubelet-pki" --node-ip="$api_address"
  start_missing kube-proxy kube-proxy --kubeconfig="$state/kube-proxy.kubeconfig" --hostname-override="$node_name" \
    --cluster-cidr="$pod_subnet" --healthz-bind-address="$api_address:10256" --metrics-bind-address="$api_address:10249"
  wait_until 90 kubelet is_node_ready || die "the node is not Ready after 90 s"
}
