# How a node of scripts/node ends: nothing of it stays.
# shellcheck shell=bash
# shellcheck source=node.sh
source "$(dirname "${BASH_SOURCE[0]}")/node.sh"

# Prints the processes that are told of our containerd: the shims, which outlive it.
node_shims() {
  local process
  for process in /proc/[0-9]*; do
    ! tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -qF -- "-address $(containerd_socket) " || echo "${process#/proc/}"
  done
}

# Whatever still is in the node's cgroups: what containers and sandboxes have left.
kill_in_cgroups() {
  local file pid deadline=$((SECONDS + 20))
  while :; do
    local -a pids=()
    while read -r file; do
      while read -r pid; do ((pid == 0)) || pids+=("$pid"); done <"$file"
    done < <(find /sys/fs/cgroup -path "*/$(node_cgroup)/*" -name cgroup.procs 2>/dev/null)
    ((${#pids[@]})) || return 0
    ((SECONDS <= deadline)) || return 1
    kill -KILL "${pids[@]}" 2>/dev/null || true
    sleep 0.1
  done
}

remove_cgroups() {
  local cgroup status=0
  while read -r cgroup; do rmdir "$cgroup" || status=1; done < <(find /sys/fs/cgroup -depth -type d \( -name "$(node_cgroup)" -o -path "*/$(node_cgroup)/*" \))
  return "$status"
}

remove_network() {
  local link
  kube-proxy --cleanup >>"$state/logs/kube-proxy.log" 2>&1 || true
  # Which kubelet and kube-proxy make and leave.
  if iptables -S KUBE-FIREWALL >/dev/null 2>&1; then
    iptables -D INPUT -j KUBE-FIREWALL 2>/dev/null || true
    iptables -D OUTPUT -j KUBE-FIREWALL 2>/dev/null || true
    iptables -F KUBE-FIREWALL
    iptables -X KUBE-FIREWALL
  fi
  for link in "$pod_bridge" "$address_bridge"; do ip link delete "$link" 2>/dev/null || true; done
}

remove_mounts() {
  local mount
  while read -r mount; do umount --lazy "$mount"; done < <(awk -v below="$state/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
}

# Fails when something did not end when asked to; stopped is all of it in any case.
stop_node() {
  local status=0 pid name
  # In order, so that each pod's network is taken down by the one who made it.
  if running_pid kubelet >/dev/null && running_pid kube-apiserver >/dev/null; then
    node_kubectl delete daemonsets,deployments,jobs --all --all-namespaces --cascade=foreground --timeout=60s >/dev/null 2>&1 || status=1
    node_kubectl delete pods --all --all-namespaces --grace-period=1 --timeout=30s >/dev/null 2>&1 || status=1
  fi
  for name in kubelet kube-proxy kube-scheduler kube-controller-manager; do stop_process "$name" 10 || status=1; done
  kill_in_cgroups || status=1
  stop_process containerd 10 || status=1
  for pid in $(node_shims); do kill -KILL "$pid" 2>/dev/null || true; done
  stop_process kube-apiserver
  stop_process etcd 10 || status=1
  remove_network
  remove_mounts
  remove_cgroups || status=1
  return "$status"
}
