# SHA-512 sums. Whatever is wrong with one ends the script with 5.
# shellcheck shell=bash
# shellcheck source=runsc_options.sh
source "${BASH_SOURCE[0]%/*}/runsc_options.sh"

sha512= # of the tarball or runsc to install

# Sets sha512 to what FILE says, which came from ORIGIN.
read_checksum() { # FILE ORIGIN
  sha512=
  read -r sha512 _ <"$1" || true
  sha512=${sha512,,}
  [[ $sha512 =~ ^[0-9a-f]{128}$ ]] ||
    fail 5 "$2 holds no SHA-512 sum but \"${sha512:0:40}\"; a mirror or a proxy answered with something else:" \
      "try another --base-url"
  [[ -z $wanted_sha512 || $sha512 == "$wanted_sha512" ]] ||
    fail 5 "$2 says ${sha512:0:16}…, and --sha512 ${wanted_sha512:0:16}…: this is not the file that you want;" \
      "check --release and --sha512"
}

check_sum() { # FILE SHA512 ORIGIN
  local found
  found=$(sha512sum <"$1")
  found=${found%% *}
  [[ $found == "$2" ]] ||
    fail 5 "$3 hashes to ${found:0:16}… instead of ${2:0:16}…: it was damaged on its way, or replaced;" \
      "get it again, or use another --base-url or --file"
}
