# Becoming root, for what needs it.
# shellcheck shell=bash
# shellcheck source=say.sh
source "$(dirname "${BASH_SOURCE[0]}")/say.sh"

# as_root COMMAND...: runs it as root, through sudo where we are somebody else.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "\"$1\" needs root: run this script as root, or install sudo"
  fi
}

# become_root SCRIPT ARGS...: starts the script again as root, with the caller's cache and settings.
become_root() {
  ((EUID != 0)) || return 0
  command -v sudo >/dev/null || die "sandboxes need root: run this script as root, or install sudo"
  exec sudo env PATH="$PATH" HOME="$HOME" FUMEHOOD_CACHE="${FUMEHOOD_CACHE:-$HOME/.cache/fumehood}" \
    FUMEHOOD_STATE="${FUMEHOOD_STATE:-}" KUBEBUILDER_ASSETS="${KUBEBUILDER_ASSETS:-}" "$@"
}
