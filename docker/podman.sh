#!/usr/bin/env bash
#
# docker/podman.sh FOLDER
#
# Makes FOLDER ready to run docker-compose.yml with podman, and builds the image in it: for a Debian that has no
# containers, such as a machine of continuous integration. Needs root; what is missing is installed from Debian's
# packages, and podman-compose from PyPI. No image is pulled: the base of docker/Dockerfile is a minimal Debian with its
# own Python, made here. All images, containers and networks are in FOLDER, so that nobody else's are touched. Then:
#
#     . FOLDER/environment
#     podman-compose up --detach --no-build
#     podman healthcheck run NAME    (by hand: podman leaves it to systemd, which may not be there)

set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=moviola/launcher/environment.sh
. "$root/moviola/launcher/environment.sh"

packages=(podman buildah runc netavark aardvark-dns catatonit iptables mmdebstrap python3-venv)
compose=podman-compose==1.6.0

[ $# = 1 ] || fail "Name one folder: docker/podman.sh FOLDER."
mkdir -p "$1"
folder=$(cd "$1" && pwd)

install_packages() {
    local missing=() package
    command -v dpkg-query >/dev/null || fail "This is no Debian: install podman and podman-compose in its own way."
    for package in "${packages[@]}"; do
        dpkg-query --show --showformat='${db:Status-Abbrev}\n' "$package" 2>/dev/null | grep -q '^ii' ||
            missing+=("$package")
    done
    [ "$(id -u)" = 0 ] || fail "Containers with networks need root here: run this as root."
    [ ${#missing[@]} -gt 0 ] || return 0
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" ||
        fail "Debian's packages ${missing[*]} could not be installed."
}

write_settings() {
    cat >"$folder/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$folder/storage"
runroot = "$folder/run"
END
    cat >"$folder/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "$folder/networks"
END
    cat >"$folder/environment" <<END
export CONTAINERS_CONF='$folder/containers.conf' CONTAINERS_STORAGE_CONF='$folder/storage.conf'
export PATH='$folder/compose/bin':"\$PATH"
END
    # shellcheck source=/dev/null
    . "$folder/environment"
}

# The base trusts whom this machine trusts, so that pip reaches what it reaches from here.
make_base() {
    local base suite
    base=$(sed -n 's/^FROM //p' "$root/docker/Dockerfile")
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    # shellcheck disable=SC2016 # mmdebstrap's own shell expands it
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates \
        --customize-hook='copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs' \
        --customize-hook='chroot "$1" python3 -m venv /usr/local' \
        "$suite" "$folder/base.tar"
    podman import --quiet "$folder/base.tar" "$base"
    rm "$folder/base.tar"
}

install_packages
write_settings
make_base
buildah bud --quiet --isolation chroot --network host --pull-never --tag moviola --file "$root/docker/Dockerfile" "$root"
python3 -m venv "$folder/compose"
"$folder/compose/bin/python" -m pip --quiet --disable-pip-version-check install "$compose"
