# Downloads with curl. Whatever goes wrong ends the script with 4, and says what can be done.
# shellcheck shell=bash
# shellcheck source=runsc_options.sh
source "${BASH_SOURCE[0]%/*}/runsc_options.sh"

# A proxy for the world can't reach this machine's own loopback.
keep_loopback_from_proxies() {
  local direct=${no_proxy:-${NO_PROXY:-}}
  [[ $direct == '*' ]] || export no_proxy="${direct:+$direct,}127.0.0.1,localhost,::1"
}

without_network() {
  local advice="without a network: get gvisor.tar.bz2 and gvisor.tar.bz2.sha512 on another machine and give --file"
  ! can_build_from_source || advice+=", or build with --from-source where only a Go module proxy is reachable"
  printf '%s' "$advice"
}

# curl ARGUMENTS...: one transfer, repeated twice after what may pass; prints "HTTP-CODE BYTES WORDS".
transfer() {
  curl --fail --location --proto =http,https --proto-redir =http,https --retry 2 --connect-timeout 20 \
    --speed-limit 1000 --speed-time "$stall" --write-out '%{http_code} %{size_download} %{errormsg}' "$@"
}

is_served() { # URL
  transfer --silent --head --output /dev/null "$1" >/dev/null
}

# download URL FILE: fails when the server doesn't have it.
download() {
  local url=$1 answer status=0 code bytes words progress=--silent
  [[ $quiet == yes || ! -t 2 || $url == *.sha512 ]] || progress=--progress-bar
  answer=$(transfer "$progress" --output "$2" "$url") || status=$?
  read -r code bytes words <<<"$answer" || true
  words="curl: ($status) ${words:-no words}"
  case $status in
    0) return 0 ;;
    22)
      [[ $code != 404 ]] || return 1
      fail 4 "cannot download $url: the server answered with HTTP $code; check --base-url and the proxy, or try later"
      ;;
    18) fail 4 "cannot download $url: it broke off after $bytes bytes ($words); try again, or use another --base-url" ;;
    28)
      fail 4 "cannot download $url: nothing came for $stall s, or no connection within 20 s ($words);" \
        "check the network and the proxy, or try another --base-url or a longer --stall; $(without_network)"
      ;;
    5 | 6 | 7) fail 4 "cannot reach $url ($words); check the network, https_proxy and --base-url; $(without_network)" ;;
    23) fail 4 "cannot write $2 ($words); is the disk full?" ;;
    35 | 51 | 58 | 60 | 77 | 83 | 91)
      fail 4 "cannot trust the server of $url ($words); behind a proxy that opens TLS, name its certificate in CURL_CA_BUNDLE"
      ;;
    *) fail 4 "cannot download $url ($words); $(without_network)" ;;
  esac
}
