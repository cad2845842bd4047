# What the scripts tell the person who started them. Always on stderr: stdout is for results.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() { fail 1 "$@"; }

# fail STATUS MESSAGE...: die, where the exit status tells what went wrong.
fail() {
  printf '%s: %s\n' "${0##*/}" "${*:2}" >&2
  exit "$1"
}

# The comment at the top of a script is its --help.
show_help() { sed -n '2,${ /^#/!q; s/^# \{0,1\}//; p; }' "$0"; }
