# Is a runsc new enough for Fumehood?
# shellcheck shell=bash

# The sandboxes need --shared-root, which came in 2026. runsc lists its flags on stderr.
is_recent_runsc() { [[ $("$1" flags 2>&1) == *-shared-root* ]]; }
