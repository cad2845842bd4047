# etcd and kube-apiserver on ports of their own, with an audit log of what concerns Fumehood.
# shellcheck shell=bash disable=SC2034
# shellcheck source=find_tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/find_tools.sh"
# shellcheck source=keys.sh
source "$(dirname "${BASH_SOURCE[0]}")/keys.sh"
# shellcheck source=process.sh
source "$(dirname "${BASH_SOURCE[0]}")/process.sh"

# Where the API server listens, and its flags beside those below; the script that uses this file may set them.
api_address=127.0.0.1
api_flags=()

need_tool() { find_tool "$1" || die "$1 is not here; scripts/setup brings it"; }
find_all_tools() {
  etcd=$(need_tool etcd)
  kube_apiserver=$(need_tool kube-apiserver)
  kubectl=$(need_tool kubectl)
  runsc=$(need_tool runsc)
}

# As many that are free now.
free_ports() { # NUMBER
  python3 - "$1" <<'P'
import socket
import sys

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets))
P
}

# They stay the same for as long as the state lives.
provide_ports() {
  [[ -s $state/ports ]] || free_ports 3 >"$state/ports"
  read -r etcd_port peer_port api_port <"$state/ports"
  server=https://$api_address:$api_port
}

write_audit_policy() {
  cat >"$state/audit-policy.yaml" <<'Y'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    resources:
      - {group: fumehood.dev}
      - {group: events.k8s.io}
      - {group: "", resources: [events]}
  - level: None
Y
}

# Self-contained, so that it is the one file that its owner needs.
write_admin_kubeconfig() { # FILE
  local keys=$state/keys
  (
    umask 077
    cat >"$1.new" <<Y
apiVersion: v1
kind: Config
clusters:
  - name: fumehood-dev
    cluster: {server: "$server", certificate-authority-data: $(base64 -w0 "$keys/ca.crt")}
users:
  - name: admin
    user: {client-certificate-data: $(base64 -w0 "$keys/admin.crt"), client-key-data: $(base64 -w0 "$keys/admin.key")}
contexts:
  - name: fumehood-dev
    context: {cluster: fumehood-dev, user: admin}
current-context: fumehood-dev
Y
  )
  mv "$1.new" "$1"
}

ask_as_admin() { # CURL-ARGUMENTS...
  curl -sS --noproxy '*' --max-time 5 --cacert "$state/keys/ca.crt" \
    --cert "$state/keys/admin.crt" --key "$state/keys/admin.key" "$@"
}
is_api_ready() { ask_as_admin -f "$server/readyz"; }

start_etcd() {
  local url=http://127.0.0.1:$etcd_port peer=http://127.0.0.1:$peer_port
  start_process etcd "$etcd" --name dev --data-dir "$state/etcd" --log-level warn \
    --listen-client-urls "$url" --advertise-client-urls "$url" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "dev=$peer"
}

start_kube_apiserver() {
  local keys=$state/keys advertise=--advertise-address=$api_address
  # A loopback address may not be advertised as an endpoint, hence no reconciler for it.
  [[ $api_address != 127.0.0.1 ]] || advertise=--endpoint-reconciler-type=none
  start_process kube-apiserver "$kube_apiserver" --etcd-servers="http://127.0.0.1:$etcd_port" \
    --bind-address="$api_address" --secure-port="$api_port" "$advertise" \
    --tls-cert-file="$keys/apiserver.crt" --tls-private-key-file="$keys/apiserver.key" --client-ca-file="$keys/ca.crt" \
    --authorization-mode=Node,RBAC --service-cluster-ip-range=10.96.0.0/16 --allow-privileged=true \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$keys/service-accounts.key" --service-account-signing-key-file="$keys/service-accounts.key" \
    --audit-policy-file="$state/audit-policy.yaml" --audit-log-path="$state/logs/audit.log" "${api_flags[@]}"
}

# Starts what does not run, and waits until the API server is ready.
provide_control_plane() {
  provide_keys "$state/keys" "$api_address"
  provide_ports
  write_audit_policy
  write_admin_kubeconfig "$state/kubeconfig"
  if ! running_pid etcd >/dev/null; then
    say "starting etcd"
    start_etcd
  fi
  if ! running_pid kube-apiserver >/dev/null; then
    say "starting kube-apiserver on $server"
    start_kube_apiserver
  fi
  wait_until 90 kube-apiserver is_api_ready || die "the API server is not ready after 90 s; see also $state/logs/etcd.log"
}
