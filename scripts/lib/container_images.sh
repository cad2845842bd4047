# The images of controller and executor, where no registry is reachable: with a Debian that debootstrap has made.
# shellcheck shell=bash
# shellcheck source=images.sh
source "$(dirname "${BASH_SOURCE[0]}")/images.sh"

version=0.1.0
controller_image=fumehood-controller:$version
executor_image=fumehood-executor:$version

# As in the Dockerfile.
base_libraries=(ca-certificates libbrotli1 libcivetweb1 libcpprest2.10 libfmt9 libprometheus-cpp-core1.0 libspdlog1.10 libssl3
  libyaml-cpp0.7 zlib1g)
base_archive=$fumehood_cache/container-base.tar

make_base_archive() {
  local root=$image_staging/container-base mirror
  mirror=$(debian_mirror bookworm)
  as_root rm -rf "$root" && mkdir -p "$image_staging" &&
    as_root unshare --mount debootstrap --variant=minbase --include="$(IFS=, && echo "${base_libraries[*]}")" \
      bookworm "$root" ${mirror:+"$mirror"} &&
    as_root rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/* \
      "$root"/usr/share/{doc,man,locale,info} "$root"/etc/{resolv.conf,hostname} &&
    as_root tar --create --numeric-owner --directory "$root" --file "$base_archive.new" . &&
    mv "$base_archive.new" "$base_archive" &&
    as_root rm -rf "$image_staging"
}

provide_base_archive() {
  [[ -s $base_archive ]] && return
  install_packages "${debian_image_packages[@]}"
  run_logged "making a Debian for the images (about 1 min)" "$log_folder/container-base.log" make_base_archive ||
    die "cannot make a Debian with debootstrap; its mirror must be reachable"
}

# import_base: as fumehood-base, from which the others are made.
import_base() {
  docker image inspect fumehood-base >/dev/null 2>&1 || docker import "$base_archive" fumehood-base
}

# import_programs BUILD RUNSC: as fumehood-programs.
import_programs() {
  local folder status=0
  folder=$(mktemp -d) &&
    install -s -t "$folder" "$1"/{controller/fumehood-controller,executor/fumehood-executor,lib/sandbox/fumehood-init} &&
    cp "$2" "$folder/runsc" && chmod 755 "$folder"/* &&
    printf '%s\n' 'FROM fumehood-base' 'COPY . /programs/' >"$folder/Dockerfile" &&
    docker build --quiet --tag fumehood-programs "$folder" || status=$?
  rm -rf "$folder"
  return "$status"
}

build_image() { # TARGET IMAGE
  docker build --target "$1" --tag "$2" --build-arg DEBIAN_IMAGE=fumehood-base --build-arg BUILD_IMAGE=fumehood-programs \
    "$repository_root"
}

# provide_container_images BUILD RUNSC: in the engine that `docker` talks to.
provide_container_images() {
  # BuildKit's is another program, which Debian's client is without; this one does for both.
  export DOCKER_BUILDKIT=0
  import_base && import_programs "$1" "$2" && build_image controller "$controller_image" && build_image executor "$executor_image"
}
