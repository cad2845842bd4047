# Where runsc comes from: a release, a file, or its source. For each, locate_… finds out the checksum (sha512) and a name for
# people (origin), and fetch_… brings it as $stage/artifact.
# shellcheck shell=bash
# shellcheck source=runsc_download.sh
source "${BASH_SOURCE[0]%/*}/runsc_download.sh"
# shellcheck source=runsc_checksum.sh
source "${BASH_SOURCE[0]%/*}/runsc_checksum.sh"
# shellcheck source=runsc_machine.sh
source "${BASH_SOURCE[0]%/*}/runsc_machine.sh"
# shellcheck source=runsc_destination.sh
source "${BASH_SOURCE[0]%/*}/runsc_destination.sh"

origin=

needs_programs() { # NAMES...
  local name
  for name in "$@"; do
    command -v "$name" >/dev/null || die "$name is not here, and is needed: install it"
  done
}

describe_source() {
  case $from in
    release) echo "$base_url/$release/$architecture/gvisor.tar.bz2, or the runsc there" ;;
    file) echo "$file" ;;
    source) echo "what the Go module gvisor.dev/gvisor builds" ;;
  esac
}

# Since July 2026 a release is a tarball; before, programs by themselves.
locate_release() {
  local name
  needs_programs curl sha512sum
  keep_loopback_from_proxies
  [[ $base_url == https:* || $base_url =~ ^http://(127\.|localhost|\[::1\]) || -n $wanted_sha512 ]] ||
    warn "$base_url is not https: who sits on the way can replace a file and its checksum alike; --sha512 would notice"
  for name in gvisor.tar.bz2 runsc; do
    origin=$base_url/$release/$architecture/$name
    if download "$origin.sha512" "$stage/sha512"; then
      read_checksum "$stage/sha512" "$origin.sha512"
      return
    fi
    ! is_served "$origin" ||
      fail 5 "$origin is there, but not its checksum $origin.sha512; nothing is installed unchecked: use another --base-url"
  done
  fail 4 "there is no release \"$release\" for $architecture at $base_url (neither gvisor.tar.bz2 nor runsc);" \
    "check --release and --base-url"
}
fetch_release() {
  local shim=${origin%/*}/containerd-shim-runsc-v1
  say "downloading $origin"
  download "$origin" "$stage/artifact" || fail 4 "$origin.sha512 is there, but not $origin itself; try later, or another --base-url"
  check_sum "$stage/artifact" "$sha512" "$origin"
  [[ $origin == */runsc ]] || return 0
  # The shim is for containerd alone; the oldest releases are without.
  if download "$shim.sha512" "$stage/shim.sha512" && download "$shim" "$stage/shim"; then
    local runsc_sha512=$sha512
    wanted_sha512='' read_checksum "$stage/shim.sha512" "$shim.sha512"
    check_sum "$stage/shim" "$sha512" "$shim"
    sha512=$runsc_sha512
  else
    rm -f "$stage/shim"
  fi
}

locate_file() {
  needs_programs sha512sum
  origin=$file
  [[ -f $file && -r $file ]] || fail 4 "cannot read the file $file"
  if [[ -r $file.sha512 ]]; then
    read_checksum "$file.sha512" "$file.sha512"
  elif [[ -n $wanted_sha512 ]]; then
    sha512=$wanted_sha512
  else
    fail 5 "$file.sha512 is not here; put it beside $file, or give the sum with --sha512"
  fi
}
fetch_file() {
  cp -- "$file" "$stage/artifact"
  check_sum "$stage/artifact" "$sha512" "$file"
}


locate_source() {
  can_build_from_source ||
    die "--from-source needs Fumehood's repository, and this copy of the script is outside of it: run scripts/install-runsc there"
  [[ $architecture == "$machine_architecture" ]] || fail 2 "--from-source builds for this machine; it can't be combined with another --arch"
  needs_programs sha512sum
  # In a process of its own: its words and its traps are those of scripts/setup.
  origin=$(
    exec 9>&-
    # shellcheck source=build_tools.sh
    source "$pieces/build_tools.sh"
    keep_quiet_if_asked
    if ! is_built runsc; then
      find_go
      build_runsc
    fi
    echo "$tools_folder/bin/runsc"
  )
  sha512=$(sha512sum <"$origin")
  sha512=${sha512%% *}
}
fetch_source() { cp -- "$origin" "$stage/artifact"; }
