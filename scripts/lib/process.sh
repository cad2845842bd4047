# Background processes with pid files below $state/run. A pid counts only with the start time it had: numbers are used again.
# shellcheck shell=bash
# shellcheck source=say.sh
source "$(dirname "${BASH_SOURCE[0]}")/say.sh"

# The folder of one dev cluster; the script that uses this file sets it.
state=${state-}

# In clock ticks since boot; nothing for a process that has ended and only waits to be reaped.
# The name before it may hold spaces and parentheses, so count from the last ')'.
start_time() { # PID
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  awk '$1 != "Z" { print $20 }' <<<"${stat##*) }"
}

# Prints the pid of NAME, or fails.
running_pid() { # NAME
  local pid started
  read -r pid started 2>/dev/null <"$state/run/$1.pid" || return 1
  [[ $(start_time "$pid") == "$started" ]] && echo "$pid"
}

# start_process NAME COMMAND...: in a session of its own, so that an interrupted terminal does not end it.
start_process() {
  local name=$1 pid
  shift
  mkdir -p "$state/run" "$state/logs"
  setsid "$@" </dev/null >>"$state/logs/$name.log" 2>&1 9>&- &
  pid=$!
  echo "$pid $(start_time "$pid")" >"$state/run/$name.pid"
}

# stop_process NAME [SECONDS]: politely, and firmly after SECONDS; at once without them.
# Fails when politeness was not enough, but stopped it is.
stop_process() {
  local name=$1 deadline=$((SECONDS + ${2:-0})) pid status=0
  if pid=$(running_pid "$name"); then
    say "stopping $name"
    if [[ -n ${2:-} ]]; then
      kill -TERM "$pid" 2>/dev/null || true
      while running_pid "$name" >/dev/null && ((SECONDS <= deadline)); do sleep 0.05; done
      if running_pid "$name" >/dev/null; then
        warn "$name did not end within $2 s and is killed"
        status=1
      fi
    fi
    kill -KILL "$pid" 2>/dev/null || true
    while running_pid "$name" >/dev/null; do sleep 0.05; done
  fi
  rm -f "$state/run/$name.pid"
  return "$status"
}

show_log_end() { # NAME
  say "the end of $state/logs/$1.log:"
  tail -n "${2:-15}" "$state/logs/$1.log" 2>/dev/null | sed 's/^/    /' >&2
}

# wait_until SECONDS NAME COMMAND...: until COMMAND succeeds; fails when time is up or process NAME ends before.
wait_until() {
  local deadline=$((SECONDS + $1)) name=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ! running_pid "$name" >/dev/null; then
      show_log_end "$name"
      die "$name ended by itself"
    elif ((SECONDS > deadline)); then
      show_log_end "$name"
      return 1
    fi
    sleep 0.1
  done
}
