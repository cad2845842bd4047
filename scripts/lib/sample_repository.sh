# The repository `sample` that the manifests in manifests/samples read.
# shellcheck shell=bash

provide_sample_repository() { # REPOSITORY-ROOT
  local sample=$1/sample
  [[ -d $sample ]] && return
  mkdir -p "$sample/services/api/tests"
  cat >"$sample/README.md" <<'F'
# Sample

A small repository for trying Fumehood. Commands see it at /workspace and cannot change it.

- `hello.sh` greets.
- `services/api` is a service with a test: `sh tests/run.sh`.
F
  cat >"$sample/hello.sh" <<'F'
#!/bin/sh
echo "hello from ${1:-the sample repository}"
F
  printf '%s\n' 'GET /healthz' 'GET /greetings' 'POST /greetings' >"$sample/services/api/routes.txt"
  cat >"$sample/services/api/tests/run.sh" <<'F'
#!/bin/sh
# Each route begins with a method and has a path.
if grep -vqE '^(GET|POST) /' routes.txt; then
  echo "routes.txt: malformed route" >&2
  exit 1
fi
echo "$(grep -c . routes.txt) routes, all well-formed"
F
  chmod 755 "$sample/hello.sh" "$sample/services/api/tests/run.sh"
}
