# Where things are.
# shellcheck shell=bash disable=SC2034

repository_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
fumehood_cache=${FUMEHOOD_CACHE:-${HOME:?set HOME, or FUMEHOOD_CACHE to a folder for tools and images}/.cache/fumehood}
tools_folder=$fumehood_cache/tools
images_folder=$fumehood_cache/images
log_folder=$fumehood_cache/logs
python_environment=$fumehood_cache/python
