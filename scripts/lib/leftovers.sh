# What a cluster left behind, although everything of it was stopped.
# shellcheck shell=bash

# Prints one line for each mount below FOLDER and each process that was told of it or works in it; fails when there is one.
no_leftovers() { # FOLDER
  local folder=$1 process found=0
  if awk -v below="$folder/" 'index($5, below) == 1 { print "mounted: " $5; found = 1 } END { exit !found }' /proc/self/mountinfo; then
    found=1
  fi
  for process in /proc/[0-9]*; do
    if { tr '\0' ' ' <"$process/cmdline" && readlink "$process/cwd"; } 2>/dev/null | grep -qF "$folder/"; then
      echo "running: ${process#/proc/}: $(tr '\0' ' ' 2>/dev/null <"$process/cmdline" | cut -c -300)"
      found=1
    fi
  done
  return "$found"
}

# One line for each cgroup of sandboxes whose maker doesn't live any more. A maker holds a lock on its directory in one of the
# hierarchies.
leftover_cgroups() {
  local directory name
  local -A names=() held=()
  while read -r directory; do
    name=${directory##*/}
    names[$name]=yes
    flock --nonblock --shared "$directory" true || held[$name]=yes
  done < <(find /sys/fs/cgroup -type d -regextype egrep -regex '.*/fumehood-[0-9a-f]{16}' -prune -print)
  for name in "${!names[@]}"; do
    [[ -n ${held[$name]:-} ]] || echo "cgroup: $name"
  done
}
