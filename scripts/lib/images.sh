# The root file systems that commands see: `default` (busybox, made here in a second) and `debian` (python3 and git).
# shellcheck shell=bash
# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

# Raise it when what is made here changes.
image_recipe=2

# What follows runs where its success is asked for, and there bash ignores `set -e`: hence the chains of &&.

# Outside of the images folder, where each directory is an image.
image_staging=$fumehood_cache/images-in-the-making
image_stamps=$fumehood_cache/image-stamps

has_image() { # NAME STAMP
  [[ -d $images_folder/$1 && $(cat "$image_stamps/$1" 2>/dev/null) == "$2" ]]
}

# provide_image NAME STAMP TITLE COMMAND...: COMMAND fills $image_staging/NAME, which then becomes the image, whole or not at all.
provide_image() {
  local name=$1 stamp=$2 title=$3
  shift 3
  as_root rm -rf "$image_staging" &&
    mkdir -p "$images_folder" "$image_staging" "$image_stamps" &&
    run_logged "$title" "$log_folder/image-$name.log" "$@" &&
    rm -f "$image_stamps/$name" &&
    { [[ ! -e $images_folder/$name ]] || as_root mv "$images_folder/$name" "$image_staging/$name.old"; } &&
    as_root mv "$image_staging/$name" "$images_folder/$name" &&
    echo "$stamp" >"$image_stamps/$name" &&
    as_root rm -rf "$image_staging"
}

user_line='sandbox:x:1000:1000:sandbox:/tmp:/bin/sh'
group_line='sandbox:x:1000:'

make_default_image() { # FOLDER
  local root=$1 busybox applets applet
  busybox=$(type -P busybox) && applets=$("$busybox" --list-full) || return
  mkdir -p "$root"/{bin,sbin,lib,etc,root,home,proc,sys,dev,tmp,usr/{bin,sbin,lib},var/tmp} &&
    cp "$busybox" "$root/bin/busybox" || return
  while read -r applet; do
    [[ -e $root/$applet ]] || ln -s /bin/busybox "$root/$applet" || return
  done <<<"$applets"
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' "$user_line" 'nobody:x:65534:65534:nobody:/:/bin/false' >"$root/etc/passwd" &&
    printf '%s\n' 'root:x:0:' "$group_line" 'nogroup:x:65534:' >"$root/etc/group" &&
    printf '%s\n' '127.0.0.1 localhost' >"$root/etc/hosts" &&
    chmod -R u=rwX,go=rX "$root" &&
    chmod 1777 "$root/tmp" "$root/var/tmp"
}

provide_default_image() {
  local stamp
  stamp="$image_recipe busybox-static $(dpkg-query -W -f '${Version}' busybox-static 2>/dev/null || true)"
  has_image default "$stamp" && return
  provide_image default "$stamp" "making the image default" make_default_image "$image_staging/default" ||
    die "cannot make the image default; is busybox-static installed, and $fumehood_cache writable?"
}

# The mirror that this machine itself uses for its release; nothing where it uses none.
debian_mirror() { # CODENAME
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -v codename="$1" '$1 == "Debian" && $2 == codename && $3 == "main" && $4 ~ /^https?:/ && !found++ { print $4 }' ||
    true
}

# Without a MIRROR debootstrap takes its own.
make_debian_image() { # FOLDER CODENAME [MIRROR]
  local root=$1 proxy
  proxy=$(apt-config shell proxy Acquire::http::Proxy | sed -n "s/^proxy='\(.*\)'$/\1/p")
  # A mount namespace of its own: what debootstrap mounts goes away with it, however it ends.
  as_root env ${proxy:+http_proxy="$proxy"} unshare --mount \
    debootstrap --variant=minbase --include=python3,git "$2" "$root" ${3:+"$3"} &&
    as_root chroot "$root" apt-get clean &&
    as_root rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/log/* \
      "$root"/usr/share/{doc,man,locale,info} &&
    as_root rm -f "$root/etc/resolv.conf" "$root/etc/hostname" &&
    as_root tee -a "$root/etc/passwd" <<<"$user_line" &&
    as_root tee -a "$root/etc/group" <<<"$group_line"
}

provide_debian_image() {
  local codename mirror stamp
  # shellcheck source=/dev/null
  codename=$(source /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
  stamp="$image_recipe $codename"
  has_image debian "$stamp" && return
  install_packages "${debian_image_packages[@]}"
  mirror=$(debian_mirror "$codename")
  provide_image debian "$stamp" "making the image debian (about 1 min)" \
    make_debian_image "$image_staging/debian" "$codename" "$mirror" ||
    die "cannot make the image debian; the mirror must be reachable (through http_proxy, where there is one)"
}
