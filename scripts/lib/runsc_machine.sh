# Can gVisor run on this machine?
# shellcheck shell=bash
# shellcheck source=runsc_options.sh
source "${BASH_SOURCE[0]%/*}/runsc_options.sh"

machine_architecture= # empty: one that gVisor isn't made for

# Prints what gVisor's releases call it, or fails.
architecture_named() { # NAME
  case $1 in
    x86_64 | amd64) echo x86_64 ;;
    aarch64 | arm64) echo aarch64 ;;
    *) return 1 ;;
  esac
}

is_older_kernel() { # RELEASE MAJOR MINOR PATCH
  local major minor patch
  IFS=. read -r major minor patch <<<"${1%%[!0-9.]*}"
  ((${major:-0} * 1000000 + ${minor:-0} * 1000 + ${patch:-0} < $2 * 1000000 + $3 * 1000 + $4))
}

# Sets machine_architecture, and architecture unless the caller of the script chose it.
check_machine() {
  local kernel found
  [[ $(uname -s) == Linux ]] ||
    fail 3 "gVisor needs Linux, and this is $(uname -s); on macOS and Windows it runs in the Linux machine of Docker Desktop"
  kernel=$(uname -r)
  ! is_older_kernel "$kernel" 4 14 77 || fail 3 "gVisor needs Linux 5.6 (releases before July 2026: 4.14.77), and this is $kernel"
  ! is_older_kernel "$kernel" 5 6 0 || warn "this is Linux $kernel; gVisor's releases since July 2026 need 5.6"
  found=$(uname -m)
  machine_architecture=$(architecture_named "$found") || machine_architecture=
  if [[ -n $architecture ]]; then
    found=$architecture
    architecture=$(architecture_named "$found") || fail 2 "--arch is x86_64 (amd64) or aarch64 (arm64), and not \"$found\""
  else
    architecture=$machine_architecture
    [[ -n $architecture ]] ||
      fail 3 "this machine is $found, and gVisor is made for x86_64 and aarch64 (arm64); --arch chooses one for another machine"
  fi
}
