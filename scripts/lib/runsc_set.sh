# A set: the programs of one release, which belong together. runsc looks for gvisor-bin/ where it is itself.
# shellcheck shell=bash disable=SC2034
# shellcheck source=runsc_source.sh
source "${BASH_SOURCE[0]%/*}/runsc_source.sh"
# shellcheck source=runsc_age.sh
source "${BASH_SOURCE[0]%/*}/runsc_age.sh"

set_names=(runsc containerd-shim-runsc-v1 gvisor-bin)
description=.description

is_tarball() { # FILE: compressed by bzip2 or zstd
  case $(od -An -N4 -tx1 "$1" | tr -d ' ') in
    425a68* | 28b52ffd) ;;
    *) return 1 ;;
  esac
}

only_files_and_folders() { # FOLDER
  local entry
  shopt -s globstar dotglob nullglob
  for entry in "$1"/**; do
    [[ ! -L $entry && (-f $entry || -d $entry) ]] || return 1
  done
}

# Makes $stage/set of $stage/artifact, and of $stage/shim where there is one.
unpack_set() {
  local set=$stage/set words
  mkdir "$set"
  if is_tarball "$stage/artifact"; then
    words=$(tar --extract --file "$stage/artifact" --directory "$set" --no-same-owner --no-same-permissions 2>&1) ||
      die "cannot unpack $origin: ${words:-tar has no words for it}; it needs bzip2 (or zstd), and room on the disk of $to"
    (only_files_and_folders "$set") ||
      fail 6 "$origin holds links or devices, which no release of gVisor does; get it from somewhere else"
    [[ -f $set/runsc ]] || fail 6 "$origin holds no runsc; it should be a gvisor.tar.bz2 of gVisor's releases"
  else
    mv "$stage/artifact" "$set/runsc"
    [[ ! -f $stage/shim ]] || mv "$stage/shim" "$set/containerd-shim-runsc-v1"
  fi
  rm -f "$stage/artifact"
  chmod -R u+rwX,go+rX,go-w "$set"
  chmod 755 "$set/runsc"
  [[ ! -f $set/containerd-shim-runsc-v1 ]] || chmod 755 "$set/containerd-shim-runsc-v1"
}

# Fills the folder of a root file system with PROGRAM and the libraries that it is linked to, under their own paths.
fill_root() { # FOLDER PROGRAM
  local library
  mkdir -p "$1/bin"
  cp --dereference "$2" "$1/bin/"
  { ldd "$2" 2>/dev/null || true; } | sed -n 's#^[^/]*\(/[^ ]*\) (0x.*#\1#p' | while read -r library; do
    cp --dereference --parents "$library" "$1"
  done
}

# Starts a sandbox that says some words, unless the caller or the machine forbids it.
verify_set() {
  local folder=$stage/verify words="a sandbox of gVisor can speak" program command said status=0 rootless=() complaints
  local runsc=$stage/set/runsc
  if [[ $verify == no ]]; then
    say "not verified: no sandbox was started, as --no-verify asks"
    return
  elif [[ $architecture != "$machine_architecture" ]]; then
    say "not verified: this machine can't start a sandbox of another architecture"
    return
  fi
  if program=$(type -P busybox); then
    command=(/bin/busybox echo "$words")
  else
    program=$(type -P echo)
    command=(/bin/echo "$words")
  fi
  mkdir -p "$folder/root" "$folder/state"
  fill_root "$folder/root" "$program"
  ((EUID == 0)) || rootless=(--rootless)
  said=$(timeout --kill-after=5 60 "$runsc" --root "$folder/state" "${rootless[@]}" --network=none \
    "do" -quiet -root "$folder/root" -cwd / "${command[@]}" 2>"$folder/complaints" 9>&-) || status=$?
  if ((status != 0)) || [[ $said != *"$words"* ]]; then
    complaints=$(tail -n 8 "$folder/complaints")
    ((status != 124)) || complaints="it did not end within 60 s; $complaints"
    fail 6 "no sandbox starts with $origin (exit status $status), so it is not installed. What runsc says:
${complaints:-nothing}
--no-verify would install it all the same."
  fi
  rm -rf "$folder"
  is_recent_runsc "$runsc" || warn "this runsc is older than Fumehood's own sandboxes need; they want one of 2026 or newer"
}

# What the set is, for people and for is_current.
describe_set() {
  local version=''
  if [[ $architecture == "$machine_architecture" ]]; then
    version=$("$stage/set/runsc" --version 2>/dev/null | sed -n 's/^runsc version //p') || true
  fi
  printf '%s\n' "${version:-release $release for $architecture}" "$origin" "$sha512"
}
