# Long steps: quiet, logged, with a line of progress every 15 s.
# shellcheck shell=bash
# shellcheck source=say.sh
source "$(dirname "${BASH_SOURCE[0]}")/say.sh"

progress_interval=15
progress_child=

elapsed_since() { # START-SECONDS
  local seconds=$((SECONDS - $1))
  if ((seconds < 60)); then printf '%ds' "$seconds"; else printf '%dm%02ds' $((seconds / 60)) $((seconds % 60)); fi
}

# The step has a process group of its own: an interrupted script takes compilers and downloads with it.
end_progress_child() {
  [[ -z $progress_child ]] || kill -TERM -- "-$progress_child" 2>/dev/null || true
}
trap end_progress_child EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# How far it is, where its log tells: "[12/80]" (ninja), " 12/80 Test #12: …" (ctest), "… [ 45%]" (pytest).
position_in() { # LOG
  tail -n 1 "$1" 2>/dev/null | grep -oE '^ *\[?[0-9]+/[0-9]+\]?|\[ *[0-9]+%\]$' | tr -d ' ' || true
}

report_progress() { # TITLE LOG PID START-SECONDS: until PID has ended
  local position
  until timeout "$progress_interval" tail --pid="$3" -s 0.1 -f /dev/null; do
    position=$(position_in "$2")
    say "$1 … ${position:+$position }$(elapsed_since "$4")"
  done
}

# run_logged TITLE LOG COMMAND...: on failure shows the end of the log and returns the command's status.
run_logged() {
  local title=$1 log=$2 start=$SECONDS status=0 reporter
  shift 2
  mkdir -p "$(dirname "$log")"
  say "$title"
  set -m
  "$@" </dev/null >"$log" 2>&1 9>&- &
  progress_child=$!
  set +m
  # Beside us, because a signal's trap waits for a foreground command but not for `wait`.
  report_progress "$title" "$log" "$progress_child" "$start" 9>&- &
  reporter=$!
  wait "$progress_child" || status=$?
  progress_child=
  wait "$reporter" || true
  if ((status != 0)); then
    tail -n 25 "$log" | sed 's/^/    /' >&2
    say "$title: failed with status $status after $(elapsed_since "$start"); all of it: $log"
  elif ((SECONDS - start >= progress_interval)); then
    say "$title: done in $(elapsed_since "$start")"
  fi
  return "$status"
}
