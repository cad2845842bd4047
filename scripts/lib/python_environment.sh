# The Python environment of the end-to-end tests, made anew when tests/e2e/requirements.txt changes.
# shellcheck shell=bash
# shellcheck source=progress.sh
source "$(dirname "${BASH_SOURCE[0]}")/progress.sh"
# shellcheck source=paths.sh
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"

make_python_environment() { # REQUIREMENTS
  rm -rf "$python_environment" && python3 -m venv "$python_environment" &&
    "$python_environment/bin/pip" install --disable-pip-version-check -r "$1"
}

provide_python_environment() {
  local requirements=$repository_root/tests/e2e/requirements.txt stamp
  stamp=$(sha256sum <"$requirements")
  [[ -x $python_environment/bin/python && $(cat "$python_environment/.stamp" 2>/dev/null) == "$stamp" ]] && return
  run_logged "installing the Python packages of the tests" "$log_folder/python.log" make_python_environment "$requirements" ||
    die "cannot install tests/e2e/requirements.txt; PyPI must be reachable"
  echo "$stamp" >"$python_environment/.stamp"
}

# What tests/bench draws with; few need it.
provide_plotting() {
  local requirements=$repository_root/tests/bench/requirements.txt stamp
  stamp=$(sha256sum <"$requirements")
  [[ $(cat "$python_environment/.plots-stamp" 2>/dev/null) == "$stamp" ]] && return
  run_logged "installing what draws" "$log_folder/python-plots.log" \
    "$python_environment/bin/pip" install --disable-pip-version-check -r "$requirements" ||
    die "cannot install tests/bench/requirements.txt; PyPI must be reachable"
  echo "$stamp" >"$python_environment/.plots-stamp"
}
