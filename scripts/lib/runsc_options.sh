# What scripts/install-runsc was asked for. The other pieces of it read these settings.
# shellcheck shell=bash disable=SC2034,SC2317
# shellcheck source=say.sh
source "${BASH_SOURCE[0]%/*}/say.sh"

pieces=${BASH_SOURCE[0]%/*}

action=install # or uninstall
from=release   # or file, source
release=latest
base_url=${FUMEHOOD_GVISOR_URL:-https://storage.googleapis.com/gvisor/releases/release}
file=
wanted_sha512=
architecture= # empty: this machine's; check_machine fills it in
stall=30      # seconds
to=           # empty: choose_destination fills it in
system=no
verify=yes
dry_run=no
quiet=no

value_of() { # OPTION VALUE...
  if (($# < 2)) || [[ -z $2 ]]; then fail 2 "$1 needs a value (see --help)"; fi
  printf '%s' "$2"
}

take_from() { # file|source
  [[ $from == release || $from == "$1" ]] || fail 2 "--file and --from-source exclude each other"
  from=$1
}

read_options() { # ARGUMENTS...
  while (($#)); do
    case $1 in
      --release) release=$(value_of "$@") && shift ;;
      --base-url) base_url=$(value_of "$@") && shift ;;
      --file) file=$(value_of "$@") && take_from file && shift ;;
      --sha512) wanted_sha512=$(value_of "$@") && shift ;;
      --arch) architecture=$(value_of "$@") && shift ;;
      --stall) stall=$(value_of "$@") && shift ;;
      --to) to=$(value_of "$@") && shift ;;
      --from-source) take_from source ;;
      --system) system=yes ;;
      --no-verify) verify=no ;;
      --uninstall) action=uninstall ;;
      --dry-run) dry_run=yes ;;
      --quiet) quiet=yes ;;
      -h | --help)
        show_help
        exit
        ;;
      *) fail 2 "\"$1\" is no option of this script (see --help)" ;;
    esac
    shift
  done
  base_url=${base_url%/}
  wanted_sha512=${wanted_sha512,,}
  [[ $release =~ ^(latest|[0-9]{8}(\.[0-9]+)?)$ ]] || fail 2 "--release is latest, YYYYMMDD or YYYYMMDD.N, and not \"$release\""
  [[ $base_url =~ ^https?://[^/] ]] || fail 2 "a base URL begins with https:// or http://, unlike \"$base_url\""
  [[ $stall =~ ^[1-9][0-9]*$ ]] || fail 2 "--stall is a number of seconds, and not \"$stall\""
  [[ $wanted_sha512 =~ ^([0-9a-f]{128})?$ ]] || fail 2 "--sha512 is 128 hexadecimal digits, and not \"$wanted_sha512\""
  [[ $system == no || -z $to ]] || fail 2 "--system and --to exclude each other"
  keep_quiet_if_asked
}

# The repository has what that takes; an installed copy of the script doesn't.
can_build_from_source() { [[ -r $pieces/build_tools.sh && -r $pieces/versions.sh ]]; }

keep_quiet_if_asked() { [[ $quiet == no ]] || say() { :; }; }
