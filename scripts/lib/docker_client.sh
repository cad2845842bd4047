# The Docker that `docker` speaks to: whether it can be asked, what it offers, and whether gVisor works in it.
# shellcheck shell=bash
# shellcheck source=say.sh
source "$(dirname "${BASH_SOURCE[0]}")/say.sh"

runtime=runsc
check_image=busybox
made_image=fumehood-setup-check

require_docker() {
  local answer
  type -P docker >/dev/null || die "docker is not here; install Docker first, then start this again"
  answer=$(docker version --format '{{.Server.Version}}' 2>&1) && return
  answer=$(grep . <<<"$answer" | tail -n 1)
  case $answer in
    *"permission denied"*) die "you may not speak to Docker: be root, or a member of the group docker ($answer)" ;;
    *) die "Docker does not answer: $answer" ;;
  esac
}

is_docker_desktop() { [[ $(docker info --format '{{.OperatingSystem}}') == "Docker Desktop" ]]; }
is_docker_rootless() { docker info --format '{{json .SecurityOptions}}' | grep -q 'name=rootless'; }
docker_endpoint() { docker context inspect --format '{{.Endpoints.docker.Host}}'; }

# The program that Docker has for the runtime, as it runs now; nothing where it has none.
offered_path() { docker info --format "{{(index .Runtimes \"$runtime\").Path}}"; }

# An image with sh and dmesg: one that is here, one made of this machine's busybox, or the one that everybody has.
provide_check_image() { # SCRATCH-FOLDER
  local busybox
  docker image inspect "$check_image" >/dev/null 2>&1 && return
  # What is linked with libraries would not start alone.
  if [[ $(uname -s) == Linux ]] && busybox=$(type -P busybox) && ! ldd "$busybox" >/dev/null 2>&1; then
    mkdir -p "$1/image/bin"
    cp "$busybox" "$1/image/bin/busybox"
    ln -s busybox "$1/image/bin/sh"
    ln -s busybox "$1/image/bin/dmesg"
    tar --create --directory "$1/image" --owner 0 --group 0 . | docker import - "$made_image" >/dev/null
    check_image=$made_image
  else
    say "pulling the image $check_image, to try the runtime with it"
    docker pull --quiet "$check_image" >/dev/null ||
      die "there is no image to try the runtime with: install busybox-static, or let Docker pull $check_image"
  fi
}
remove_made_image() { [[ $check_image != "$made_image" ]] || docker image rm --force "$made_image" >/dev/null; }

# Starts a container in gVisor. Where that fails it says why, and fails.
try_container() {
  local output limit='timeout 60'
  # macOS has no such program.
  type -P timeout >/dev/null || limit=
  # shellcheck disable=SC2086
  output=$($limit docker run --rm --runtime "$runtime" --network none --pull never "$check_image" sh -c 'dmesg; true' 2>&1) || {
    say "a container with --runtime=$runtime ended with status $?: $(grep . <<<"$output" | head -n 1 | cut -c -500)"
    return 1
  }
  # The first line of gVisor's kernel log; another kernel's may not be read.
  grep -q 'Starting gVisor' <<<"$output" || {
    say "a container with --runtime=$runtime started, but what runs it is not gVisor"
    return 1
  }
}
