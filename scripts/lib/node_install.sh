# Fumehood's own manifests on a node of scripts/node.
# shellcheck shell=bash
# shellcheck source=node.sh
source "$(dirname "${BASH_SOURCE[0]}")/node.sh"
# shellcheck source=sample_repository.sh
source "$(dirname "${BASH_SOURCE[0]}")/sample_repository.sh"

provide_node_images() {
  local image
  for image in "$images_folder"/*; do
    [[ -e $state/host/images/${image##*/} ]] || cp -a "$image" "$state/host/images/"
  done
}

# As an administrator would who has these folders elsewhere.
write_installation() {
  mkdir -p "$state/installation"
  cat >"$state/installation/kustomization.yaml" <<Y
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- $(realpath --relative-to="$state/installation" "$repository_root/manifests/overlays/single-tenant")
patches:
- patch: |
    apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: fumehood-executor, namespace: fumehood-system}
    spec:
      template:
        spec:
          volumes:
          - {name: repositories, hostPath: {path: $state/host/repositories}}
          - {name: images, hostPath: {path: $state/host/images}}
          - {name: ledger, hostPath: {path: $state/host/ledger}}
Y
}

# The kinds come first: without them kubectl does not know their objects.
apply_and_wait() {
  node_kubectl apply --server-side -k "$repository_root/crds" &&
    node_kubectl wait --for=condition=Established --timeout=30s crd/sandboxcommands.fumehood.dev crd/sandboxexecutors.fumehood.dev &&
    node_kubectl apply --server-side -k "$state/installation" &&
    node_kubectl rollout status -n fumehood-system --timeout=60s deployment/fumehood-controller &&
    node_kubectl rollout status -n fumehood-system --timeout=60s daemonset/fumehood-executor &&
    node_kubectl wait --for=create --timeout=30s "sandboxexecutor/$node_name" &&
    node_kubectl wait --for=condition=Ready --timeout=60s "sandboxexecutor/$node_name"
}

install_fumehood() {
  local log=$state/logs/install.log
  apply_and_wait >"$log" 2>&1 && return
  node_kubectl get pods -n fumehood-system -o wide >&2 || true
  node_kubectl get events -n fumehood-system --sort-by=.lastTimestamp 2>/dev/null | tail -n 5 >&2 || true
  node_kubectl logs -n fumehood-system daemonset/fumehood-executor --tail=10 >&2 || true
  die "not installed; the end of $log: $(tail -n 1 "$log")"
}
