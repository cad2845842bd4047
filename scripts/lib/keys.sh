# The dev cluster's own certificate authority, and what it signs.
# shellcheck shell=bash
# shellcheck source=say.sh
source "$(dirname "${BASH_SOURCE[0]}")/say.sh"

# Bash ignores `set -e` where success is asked for: hence the chains of &&.

# sign NAME SUBJECT EXTENSIONS: makes NAME.key and NAME.crt in the current folder.
sign() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -subj "$2" -out "$1.csr" &&
    printf '%s\n' 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' \
      'subjectKeyIdentifier=hash' 'authorityKeyIdentifier=keyid' "$3" >"$1.ext" &&
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -extfile "$1.ext" -out "$1.crt" &&
    rm "$1.csr" "$1.ext"
}

make_keys() ( # FOLDER ADDRESS
  umask 077
  mkdir -p "$1" && cd "$1" &&
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -days 365 \
      -subj /CN=fumehood-dev-ca -addext keyUsage=critical,keyCertSign,cRLSign &&
    sign apiserver /CN=kube-apiserver "extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:10.96.0.1,IP:$2" &&
    sign admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth &&
    openssl ecparam -name prime256v1 -genkey -noout -out service-accounts.key &&
    touch complete
)

# provide_keys FOLDER ADDRESS: of an API server that is reached there.
provide_keys() {
  [[ -f $1/complete ]] && return
  rm -rf "$1"
  make_keys "$1" "$2" >"$1.log" 2>&1 || {
    tail -n 5 "$1.log" >&2
    die "openssl cannot make the cluster's keys; all it said: $1.log"
  }
}
