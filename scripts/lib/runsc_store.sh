# What is installed, in $store, the folder .gvisor beside the programs:
#
#   sha512-…/     one set, whole and verified, named by the checksum of what it was unpacked from
#   current       -> sha512-…; the one switch: a rename of this link moves from one release to another
#   sha512-…      -> current, in place of a set that was replaced: `runsc install` writes the resolved path of runsc into
#                 Docker's configuration, and that path must work on after an update
#   before/       programs that were in the way and not ours
#   new.…, old.…  unfinished work of a run; the next one clears it
#
# The programs themselves are links: runsc -> .gvisor/current/runsc. runsc resolves such links before it looks for
# gvisor-bin/, so it finds that of its own release. A run that is killed anywhere leaves a working set, and the next one
# finishes what it began.
# shellcheck shell=bash disable=SC2034
# shellcheck source=runsc_set.sh
source "${BASH_SOURCE[0]%/*}/runsc_set.sh"

switching=no

set_folder() { printf '%s' "$store/sha512-${1:0:16}"; } # SHA512

is_set() { # FOLDER SHA512
  [[ -d $1 && ! -L $1 && -x $1/runsc && $(sed -n 3p "$1/$description" 2>/dev/null) == "$2" ]]
}
has_set() { is_set "$(set_folder "$1")" "$1"; }
is_current() { [[ $(readlink "$store/current") == "sha512-${1:0:16}" ]]; } # SHA512

installed_version() {
  if [[ -r $store/current/$description ]]; then
    echo "gVisor $(sed -n 1p "$store/current/$description") in $to"
  else
    echo "nothing of this script"
  fi
}

is_there() { [[ -e $1 || -L $1 ]]; } # PATH
link_of() { printf '%s' ".gvisor/current/$1"; } # NAME
is_ours() { [[ $(readlink "$to/$1") == "$(link_of "$1")" ]]; } # NAME

links_are_right() {
  local name
  for name in "${set_names[@]}"; do
    if is_there "$store/current/$name"; then is_ours "$name"; else ! is_ours "$name"; fi || return 1
  done
}

# After a first installation that failed.
forget_empty_store() {
  [[ -d $store && ! -L $store/current ]] || return 0
  rmdir --ignore-fail-on-non-empty "$store"
}

clear_unfinished() { rm -rf "$store"/new.* "$to/.gvisor.removed"; }

keep_set() { # SHA512
  local folder
  folder=$(set_folder "$1")
  # On the disk before a link names it: after a power cut it would pass for installed.
  (shopt -s globstar dotglob && sync -- "$stage"/set/**)
  ! is_there "$folder" || rm -rf "$folder"
  mv -T "$stage/set" "$folder"
}

replace_link() { # TARGET LINK
  rm -f "$store/next"
  ln -s "$1" "$store/next"
  mv -f -T "$store/next" "$2"
}

# Programs that are not ours: the shim goes first and runsc last, so that none is left with one of another release.
# runsc itself stays where it is until a link replaces it.
keep_what_was_there() {
  local name
  for name in containerd-shim-runsc-v1 runsc; do
    if is_there "$to/$name" && ! is_ours "$name"; then
      mkdir -p "$store/before"
      rm -rf "$store/before/$name"
      if [[ $name == runsc ]]; then
        cp --archive --no-dereference "$to/$name" "$store/before/$name"
      else
        mv -T "$to/$name" "$store/before/$name"
      fi
      say "keeping the $name that was there; --uninstall puts it back"
    fi
  done
}

place_links() {
  local name
  for name in "${set_names[@]}"; do
    if ! is_there "$store/current/$name"; then
      ! is_ours "$name" || rm -f "$to/$name"
      continue
    fi
    ! is_ours "$name" || continue
    if [[ -d $to/$name && ! -L $to/$name ]]; then
      mkdir -p "$store/before"
      rm -rf "$store/before/$name"
      mv -T "$to/$name" "$store/before/$name"
    fi
    replace_link "$(link_of "$name")" "$to/$name"
  done
}

retire_others() {
  local folder name
  for folder in "$store"/sha512-*; do
    name=${folder##*/}
    [[ -d $folder && ! -L $folder && $(readlink "$store/current") != "$name" ]] || continue
    mv -T "$folder" "$store/old.$name"
  done
  for folder in "$store"/old.*; do
    [[ -d $folder ]] || continue
    name=${folder##*/old.}
    is_there "$store/$name" || ln -s current "$store/$name"
    rm -rf "$folder"
  done
}

switch_to() { # SHA512
  local folder
  folder=$(set_folder "$1")
  switching=yes
  keep_what_was_there
  is_current "$1" || replace_link "${folder##*/}" "$store/current"
  place_links
  switching=no
  retire_others
}

uninstall() {
  local name was
  [[ ! -d $to ]] || begin_work
  if [[ ! -d $store ]]; then
    say "nothing of this script is in $to"
    return
  fi
  was=$(installed_version)
  for name in "${set_names[@]}"; do
    ! is_ours "$name" || rm -f "$to/$name"
    if is_there "$store/before/$name" && ! is_there "$to/$name"; then
      mv -T "$store/before/$name" "$to/$name"
      say "putting back the $name that was there before"
    fi
  done
  mv -T "$store" "$to/.gvisor.removed"
  rm -rf "$to/.gvisor.removed"
  say "removed: $was"
}
