# Where runsc is installed, and as whom.
# shellcheck shell=bash disable=SC2034
# shellcheck source=runsc_options.sh
source "${BASH_SOURCE[0]%/*}/runsc_options.sh"

destination_reason=
store= # what is installed, in a folder beside the programs: see runsc_store.sh
stage= # unfinished work, in a folder of the store

# The nearest folder upwards that a project begins in, or the current one.
project_root() {
  local folder=$PWD
  while [[ ! -e $folder/.git && ! -e $folder/pyproject.toml ]]; do
    if [[ -z $folder ]]; then
      pwd
      return
    fi
    folder=${folder%/*}
  done
  printf '%s\n' "${folder:-/}"
}

# Sets to, an absolute path, and destination_reason.
choose_destination() {
  local root
  root=$(project_root)
  if [[ -n $to ]]; then
    destination_reason="as --to says"
  elif [[ $system == yes ]]; then
    to=/usr/local/bin destination_reason="as --system says"
  elif [[ -d ${VIRTUAL_ENV:-}/bin && -n ${VIRTUAL_ENV:-} ]]; then
    to=$VIRTUAL_ENV/bin destination_reason="the Python environment that is active"
  elif [[ -d .venv/bin ]]; then
    to=.venv/bin destination_reason="the Python environment of this folder; --system is for all users"
  elif [[ -d $root/.venv/bin ]]; then
    to=$root/.venv/bin destination_reason="the Python environment of the project; --system is for all users"
  else
    to=$root/bin destination_reason="below the project, which has no .venv; --system is for all users"
  fi
  [[ $to == /* ]] || to=$PWD/$to
  to=${to%/}
  store=$to/.gvisor
}

can_write() { # FOLDER, which need not exist yet
  local folder=$1
  while [[ ! -e $folder ]]; do folder=$(dirname "$folder"); done
  [[ -d $folder && -w $folder && -x $folder ]]
}

# Starts the script again through sudo where the folder of --system needs that.
become_able_to_write() { # ARGUMENTS...
  local name carried=()
  ! can_write "$to" || return 0
  [[ $system == yes ]] || die "cannot write to $to; choose another folder with --to, or --system for /usr/local/bin"
  ((EUID != 0)) || die "cannot write to $to, although this is root: is it mounted read-only?"
  command -v sudo >/dev/null || die "$to needs root: run this script as root, or install sudo"
  for name in FUMEHOOD_GVISOR_URL FUMEHOOD_CACHE {http,https,all,no}_proxy {HTTPS,ALL,NO}_PROXY CURL_CA_BUNDLE SSL_CERT_FILE; do
    [[ -z ${!name:-} ]] || carried+=("$name=${!name}")
  done
  say "$to needs root: asking sudo"
  exec sudo env "${carried[@]}" "$0" "$@"
}

advise_on_path() {
  local found
  hash -r
  found=$(type -P runsc) || found=
  if [[ -z $found ]]; then
    say "to find it by name: export PATH=\"$to:\$PATH\""
  elif [[ ! $found -ef $to/runsc ]]; then
    warn "the PATH finds $found first; put $to before it"
  fi
}
