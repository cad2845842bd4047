# The controller and the executor of one build preset, as processes.
# shellcheck shell=bash
# shellcheck source=cluster_objects.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster_objects.sh"

# A sanitizer's report must not be mistaken for a clean end, and must be complete.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# Sets `build`, the folder of PRESET, with the programs in it.
use_preset() { # PRESET
  local program
  build=$repository_root/build/$1
  for program in controller/fumehood-controller executor/fumehood-executor lib/sandbox/fumehood-init; do
    [[ -x $build/$program ]] || die "build/$1/$program is not there; make it with: scripts/build $1"
  done
}

# Where their probes and metrics are; the same for as long as the state lives.
provide_http_ports() {
  [[ -s $state/http-ports ]] || free_ports 2 >"$state/http-ports"
  read -r controller_http_port executor_http_port <"$state/http-ports"
}

start_controller() {
  start_process controller "$build/controller/fumehood-controller" --kubeconfig "$state/controller.kubeconfig" \
    --namespace "$namespace" --config "$state/configuration.yaml" --http-address "127.0.0.1:$controller_http_port" --log-level info
}

start_executor() { # SLOTS
  local uid
  uid=$(pod_uid "$executor_pod")
  start_process executor "$build/executor/fumehood-executor" --kubeconfig "$state/executor.kubeconfig" \
    --node-name "$node_name" --pod-name "$executor_pod" --pod-uid "$uid" \
    --repositories "$state/repositories" --images "$images_folder" --runsc "$runsc" \
    --init "$build/lib/sandbox/fumehood-init" --state-dir "$state/executor" --ledger-dir "$state/ledger" \
    --namespace "$namespace" --config "$state/configuration.yaml" --http-address "127.0.0.1:$executor_http_port" \
    --grace-period 10s --slots "$1" --log-level info
}

is_executor_ready() {
  admin_kubectl wait --for=condition=Ready --timeout=1s "sandboxexecutor/$node_name"
}

wait_for_executor() {
  wait_until 60 executor is_executor_ready ||
    die "the executor is not Ready after 60 s; see: kubectl describe sbx $node_name, and $state/logs/controller.log"
  running_pid controller >/dev/null || {
    show_log_end controller
    die "controller ended by itself"
  }
}

provide_programs() { # SLOTS
  [[ -e $state/configuration.yaml ]] || echo '{}' >"$state/configuration.yaml"
  provide_http_ports
  if ! running_pid controller >/dev/null; then
    say "starting the controller"
    start_controller
  fi
  if ! running_pid executor >/dev/null; then
    say "starting the executor with $1 slots"
    start_executor "$1"
  fi
  wait_for_executor
}
