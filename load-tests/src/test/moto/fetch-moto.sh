#!/usr/bin/env bash
# Makes a folder with moto, a stand-in for EC2 and other services, and all that it runs on: unpacked packages of Debian 13, whatever
# Debian this machine has. Nothing is installed. It is run by: chroot FOLDER /usr/bin/python3 -m moto.server
#
# usage: fetch-moto.sh FOLDER      as root, since a folder to chroot into needs device nodes; takes 35 MB from the Debian mirror that
#                                  this machine is set up with, and half a minute; asks nothing, and leaves nothing half made
set -euo pipefail

folder=$1
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

mkdir -p "$(dirname -- "$folder")"
# Who comes second waits, and finds it made.
exec {lock}>"$folder.lock"
flock "$lock"
[[ ! -e $folder ]] || exit 0
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
mkdir -p "$work"/apt/{lists,cache/archives}/partial "$work/root"

# Of Debian itself, neither its security updates nor another's packages; a new machine has the mirror's address, but no lists yet.
mirror=$(apt-get -o "Dir::State::Lists=$work/apt/lists" update --print-uris |
    awk 'match($0, /^\047[^\047]*\/debian\/+dists\//) && !seen++ { print substr($0, 2, RLENGTH - 7) }')
if [[ -z $mirror ]]; then
    echo "fetch-moto.sh: apt knows no mirror of Debian" >&2
    exit 69
fi
printf 'deb [signed-by=%s] %s trixie main\n' "$keyring" "$mirror" >"$work/apt/sources.list"
: >"$work/apt/status"
apt=(apt-get -q
    -o "Dir::Etc::sourcelist=$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::Lists=$work/apt/lists" -o "Dir::State::status=$work/apt/status"
    -o "Dir::State::extended_states=$work/apt/extended_states" -o "Dir::Cache=$work/apt/cache"
    -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15)
"${apt[@]}" update
"${apt[@]}" install -y --download-only --no-install-recommends \
    python3-moto python3-flask python3-flask-cors python3-openapi-spec-validator python3-yaml
for package in "$work"/apt/cache/archives/*.deb; do
    dpkg-deb --extract "$package" "$work/root"
done

cd -- "$work/root"
for name in bin lib lib64 sbin; do
    ln -s "usr/$name" "$name"
done
mkdir -p dev tmp etc/ssl/certs
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/urandom c 1 9
printf '127.0.0.1 localhost\n' >etc/hosts
cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/
cd /
mv -T -- "$work/root" "$folder"
