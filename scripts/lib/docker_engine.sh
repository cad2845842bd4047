# A Docker engine of our own: all that it keeps is below $state, and a Docker of this machine doesn't notice it.
# Its containers have no network: it makes no bridge and no firewall rule.
# shellcheck shell=bash
# shellcheck source=paths.sh
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
# shellcheck source=process.sh
source "$(dirname "${BASH_SOURCE[0]}")/process.sh"
# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

docker_packages=(docker.io containerd runc)
# What their programs are linked with.
docker_libraries=(libdevmapper1.02.1 libseccomp2 libsystemd0)
docker_programs=(dockerd containerd containerd-shim-runc-v2 runc)
unpacked_docker=$tools_folder/docker

has_docker_programs() { # PATH
  local program
  for program in "${docker_programs[@]}"; do PATH=$1 type -P "$program" >/dev/null || return; done
}

# Puts the engine on the PATH: the machine's own where it has one, and a docker in any case.
find_docker_engine() {
  local system_path=$PATH:/usr/sbin:/sbin unpacked_path=$unpacked_docker/usr/sbin:$unpacked_docker/usr/bin
  if has_docker_programs "$system_path"; then
    PATH=$system_path
  elif has_docker_programs "$unpacked_path"; then
    PATH=$system_path:$unpacked_path
  else
    return 1
  fi
  type -P docker >/dev/null
}

# Debian's engine, unpacked rather than installed: an installed one would run from now on, as a service of this machine.
provide_docker_engine() {
  find_docker_engine && return
  install_packages "${docker_libraries[@]}"
  unpack_packages "$unpacked_docker" "${docker_packages[@]}"
  find_docker_engine || die "the packages ${docker_packages[*]} do not have what a Docker engine needs"
}

docker_socket() { echo "$state/docker.sock"; }
engine_docker() { docker --host "unix://$(docker_socket)" "$@"; }
does_engine_answer() { engine_docker version; }

# All of its processes are below this cgroup, of one hierarchy at least: so they are found however the engine ended.
engine_cgroup() { echo "fumehood-docker-$(printf %s "$state" | cksum | cut -d ' ' -f 1)"; }

# contain CGROUP FOLDER COMMAND...: The engine writes to places that nobody can move (a key to /etc/docker, folders to
# /opt/containerd, sockets to /run/containerd). In a mount namespace of its own they lie on a tmpfs, and end with it. So it
# doesn't see what is mounted below /run: a container can't be given that.
# shellcheck disable=SC2016
contain=(unshare --mount --propagation slave bash -c '
  set -euo pipefail
  hierarchy=$(findmnt --noheadings --first-only --output TARGET --types cgroup2,cgroup)
  mkdir -p "$hierarchy/$1/engine"
  echo $$ >"$hierarchy/$1/engine/cgroup.procs"
  private=$2
  mount -t tmpfs tmpfs "$private"
  for folder in etc opt run; do
    mkdir "$private/$folder" "$private/$folder.work"
    mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$private/$folder,workdir=$private/$folder.work" "/$folder"
  done
  exec "${@:3}"' contain)

# An engine that is started again has the configuration that it had.
provide_engine_config() { # [RUNSC]
  [[ -s $state/daemon.json ]] || python3 - "$state/run/docker.pid" "$@" >"$state/daemon.json" <<'P'
import json
import sys

config = {"pidfile": sys.argv[1]}
if len(sys.argv) > 2:
    config["runtimes"] = {"runsc": {"path": sys.argv[2]}}
print(json.dumps(config, indent=2))
P
}

start_docker_engine() {
  local cgroup
  cgroup=$(engine_cgroup)
  mkdir -p "$state/private"
  # A better OOM score than ours is a right that root doesn't have everywhere.
  start_process dockerd "${contain[@]}" "$cgroup" "$state/private" dockerd --config-file "$state/daemon.json" \
    --host "unix://$(docker_socket)" --group root --data-root "$state/data" --exec-root "$state/exec" \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$cgroup" --oom-score-adjust 0 \
    --bridge none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --userland-proxy=false
}

# The image `busybox`, from the root file system that sandboxes of a cluster get as `default`.
provide_busybox_image() {
  engine_docker image inspect busybox >/dev/null 2>&1 ||
    tar --create --directory "$images_folder/default" --owner 0 --group 0 . | engine_docker import - busybox >/dev/null ||
    die "cannot make the image busybox; the log of the engine is $state/logs/dockerd.log"
}

# Starts the engine if it doesn't run, with the runtime RUNSC if one is given, and waits until it can be used.
provide_running_engine() { # [RUNSC]
  mkdir -p "$state/run"
  if ! running_pid dockerd >/dev/null; then
    provide_engine_config "$@"
    start_docker_engine
  fi
  wait_until 30 dockerd does_engine_answer || die "the Docker engine does not answer after 30 s"
  provide_busybox_image
}

# At once: its own orderly end waits for the containers, and what it keeps is thrown away. Fails when something stays.
stop_docker_engine() {
  local -a cgroups
  local cgroup deadline=$((SECONDS + 20)) status=0
  stop_process dockerd
  mapfile -t cgroups < <(find /sys/fs/cgroup -depth -type d -path "*/$(engine_cgroup)*")
  for cgroup in "${cgroups[@]}"; do
    while grep -qs . "$cgroup/cgroup.procs" && ((SECONDS <= deadline)); do
      # shellcheck disable=SC2046
      kill -KILL $(cat "$cgroup/cgroup.procs") 2>/dev/null || true
      sleep 0.05
    done
    rmdir "$cgroup" || status=1
  done
  return "$status"
}
