# Debian packages: only those that are missing.
# shellcheck shell=bash disable=SC2034
# shellcheck source=root.sh
source "$(dirname "${BASH_SOURCE[0]}")/root.sh"
# shellcheck source=progress.sh
source "$(dirname "${BASH_SOURCE[0]}")/progress.sh"
# shellcheck source=paths.sh
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

build_packages=(
  cmake ninja-build g++ pkg-config git ca-certificates curl openssl python3 python3-venv procps util-linux
  libcpprest-dev libssl-dev libyaml-cpp-dev nlohmann-json3-dev libspdlog-dev libfmt-dev libcli11-dev
  prometheus-cpp-dev libcivetweb-dev zlib1g-dev libgtest-dev libgmock-dev busybox-static
)
test_packages=(shellcheck bzip2)
# The CNI plugins and iptables are for the pods' network; the others, to build runc.
node_packages=(containernetworking-plugins iptables iproute2 libseccomp-dev gcc pkg-config)
debian_image_packages=(debootstrap wget)

missing_packages() { # NAMES...
  local installed
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p' || true)
  comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

install_packages() { # NAMES...
  local missing
  command -v apt-get >/dev/null || die "this is not a Debian system; install what corresponds to: $*"
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    die "packages are missing and there is no sudo; as root: apt-get update && apt-get install ${missing[*]}"
  fi
  local apt=(as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
  # One source out of order shall not keep us from the others: whether the packages can be had, the installation tells.
  run_logged "reading the package lists" "$log_folder/apt-update.log" "${apt[@]}" -q update || true
  run_logged "installing packages: ${missing[*]}" "$log_folder/apt-install.log" \
    "${apt[@]}" -q -y install --no-install-recommends "${missing[@]}" ||
    die "cannot install packages; if the network needs a proxy, tell apt (Acquire::http::Proxy) and try again"
}

# unpack_packages FOLDER NAMES...: their files below FOLDER, whole or not at all. The system doesn't have them afterwards.
unpack_packages() {
  local folder=$1
  shift
  mkdir -p "$(dirname "$folder")"
  run_logged "unpacking packages: $*" "$log_folder/unpack-$(basename "$folder").log" fill_with_packages "$folder" "$@" ||
    die "cannot download packages; are the package lists current (apt-get update)?"
}

fill_with_packages() { # FOLDER NAMES...
  local folder=$1 new=$1.new package
  shift
  rm -rf "$new" "$folder" && mkdir -p "$new/.packages" && (cd "$new/.packages" && apt-get -q download "$@") || return
  for package in "$new"/.packages/*.deb; do dpkg --extract "$package" "$new" || return; done
  rm -rf "$new/.packages" && mv "$new" "$folder"
}
