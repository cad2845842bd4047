# What the dev cluster holds: our manifests, and the Node and Pods that a kubelet would have made.
# shellcheck shell=bash
# shellcheck source=paths.sh
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
# shellcheck source=control_plane.sh
source "$(dirname "${BASH_SOURCE[0]}")/control_plane.sh"

node_name=node-a
namespace=fumehood-system
controller_pod=fumehood-controller-0
executor_pod=fumehood-executor-$node_name

# As the administrator of the dev cluster.
admin_kubectl() { "$kubectl" --kubeconfig "$state/kubeconfig" "$@"; }

apply_manifests() {
  local crd
  # Our kinds first: kubectl must know them before it can apply objects of them.
  admin_kubectl apply --server-side --force-conflicts -k "$repository_root/crds" >"$state/logs/apply.log"
  for crd in sandboxcommands sandboxexecutors; do
    admin_kubectl wait --for=condition=Established --timeout=30s "crd/$crd.fumehood.dev" >/dev/null
  done
  admin_kubectl apply --server-side --force-conflicts -k "$repository_root/manifests/base" >>"$state/logs/apply.log"
  wait_for_fences
}

# The API server lets everything pass until it has compiled a policy, a moment after it was applied.
wait_for_fences() {
  admin_kubectl apply --server-side --force-conflicts -n "$namespace" -f - >/dev/null <<Y
apiVersion: fumehood.dev/v1alpha1
kind: SandboxCommand
metadata: {name: fence-probe}
spec: {repository: {path: none}, shell: "true", runtimeClassName: nobody-offers-this}
Y
  wait_until 30 kube-apiserver are_fences_active ||
    die "the policies of manifests/base/admission.yaml do not refuse what they must; see: kubectl get validatingadmissionpolicies"
  admin_kubectl delete -n "$namespace" sandboxcommand/fence-probe >/dev/null
}

# Only the policies refuse these writes: of an executor whose token names no node.
are_fences_active() {
  local commands=/apis/fumehood.dev/v1alpha1/namespaces/$namespace/sandboxcommands
  is_refused_by fumehood-sandboxcommands PATCH "$commands/fence-probe/status" '{"status": {"phase": "Pending"}}' &&
    is_refused_by fumehood-sandboxexecutors POST /apis/fumehood.dev/v1alpha1/sandboxexecutors \
      '{"apiVersion": "fumehood.dev/v1alpha1", "kind": "SandboxExecutor", "metadata": {"name": "fence-probe"}}' &&
    is_refused_by fumehood-leases POST "/apis/coordination.k8s.io/v1/namespaces/$namespace/leases" \
      '{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "fence-probe"}}'
}

is_refused_by() { # POLICY METHOD PATH BODY
  local type=application/json
  [[ $2 != PATCH ]] || type=application/merge-patch+json
  # kubectl reads what it patches, which an executor may not do with a status.
  ask_as_admin -X "$2" -H "Impersonate-User: system:serviceaccount:$namespace:fumehood-executor" \
    -H "Content-Type: $type" --data "$4" "$server$3?dryRun=All" | grep -F "ValidatingAdmissionPolicy '$1'"
}

apply_node() {
  local architecture now resources
  architecture=$(dpkg --print-architecture)
  now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  resources='{"cpu": "'$(nproc)'", "memory": "'$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)'Ki", "pods": "110"}'
  admin_kubectl apply --server-side --force-conflicts -f - >/dev/null <<Y
apiVersion: v1
kind: Node
metadata:
  name: $node_name
  labels:
    kubernetes.io/hostname: $node_name
    kubernetes.io/os: linux
    kubernetes.io/arch: $architecture
Y
  # Admission taints each new node; a kubelet's controller would take that back.
  admin_kubectl patch node "$node_name" --type=merge -p '{"spec": {"taints": null}}' >/dev/null
  admin_kubectl patch node "$node_name" --subresource=status --type=merge -p '{"status": {
    "capacity": '"$resources"', "allocatable": '"$resources"',
    "conditions": [{"type": "Ready", "status": "True", "reason": "DevCluster", "message": "scripts/dev says so",
      "lastHeartbeatTime": "'"$now"'", "lastTransitionTime": "'"$now"'"}]}}' >/dev/null
}

# apply_pod NAME SERVICE-ACCOUNT: the object alone. Its process is started by us, and its token is bound to it.
apply_pod() {
  admin_kubectl apply --server-side --force-conflicts -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata:
  name: $1
  namespace: $namespace
  labels: {app.kubernetes.io/name: $2, app.kubernetes.io/part-of: fumehood}
spec:
  nodeName: $node_name
  serviceAccountName: $2
  automountServiceAccountToken: false
  containers:
    - {name: main, image: fumehood}
Y
  admin_kubectl patch pod -n "$namespace" "$1" --subresource=status --type=merge -p '{"status": {"phase": "Running",
    "conditions": [{"type": "Ready", "status": "True"}]}}' >/dev/null
}

pod_uid() { admin_kubectl get pod -n "$namespace" "$1" -o 'jsonpath={.metadata.uid}'; }

# write_identity NAME SERVICE-ACCOUNT POD: the token and the kubeconfig of one of our processes.
write_identity() {
  local token=$state/tokens/$1 uid
  uid=$(pod_uid "$3")
  (
    umask 077
    mkdir -p "$state/tokens"
    admin_kubectl create token -n "$namespace" "$2" --duration=24h --bound-object-kind=Pod --bound-object-name="$3" \
      --bound-object-uid="$uid" >"$token.new"
  )
  mv "$token.new" "$token"
  cat >"$state/$1.kubeconfig" <<Y
apiVersion: v1
kind: Config
clusters:
  - name: fumehood-dev
    cluster: {server: "$server", certificate-authority: keys/ca.crt}
users:
  - name: $1
    user: {tokenFile: tokens/$1}
contexts:
  - name: fumehood-dev
    context: {cluster: fumehood-dev, user: $1, namespace: $namespace}
current-context: fumehood-dev
Y
}

provide_cluster_objects() {
  say "applying crds/ and manifests/base"
  apply_manifests
  apply_node
  apply_pod "$controller_pod" fumehood-controller
  apply_pod "$executor_pod" fumehood-executor
  write_identity controller fumehood-controller "$controller_pod"
  write_identity executor fumehood-executor "$executor_pod"
}
