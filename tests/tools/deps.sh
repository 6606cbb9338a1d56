#!/bin/sh
# deps.sh check|install SET... - the Debian packages that a set needs: build, demo, test, lint, fuzz,
# bench.
# check: says which are missing and fails if any is. install: installs them, as root or with sudo.
set -eu

packages_of() {
    case $1 in
    build)
        echo gcc libc6-dev make libnghttp2-dev libevent-dev libssl-dev libcurl4-openssl-dev \
            libinih-dev
        ;;
    demo)
        # The commands that the demo prints.
        echo nghttp2-client curl
        ;;
    test)
        echo libcmocka-dev libjansson-dev nginx-light nghttp2-client curl openssl libjemalloc2
        ;;
    lint)
        echo clang clang-tidy clang-format libcmocka-dev libjansson-dev
        ;;
    fuzz)
        echo clang libclang-rt-14-dev
        ;;
    bench)
        echo nginx-light h2o nghttp2-proxy haproxy valgrind strace openssl util-linux
        ;;
    *)
        echo "deps.sh: unknown set $1: build, demo, test, lint, fuzz and bench are known" >&2
        exit 2
        ;;
    esac
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

mode=$1
shift
missing=
for set in "$@"; do
    for package in $(packages_of "$set"); do
        is_installed "$package" || missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

if [ "$mode" = check ]; then
    echo "missing Debian packages:$missing" >&2
    echo "install them with: make deps" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "missing Debian packages:$missing" >&2
    echo "there is no sudo here: as root, run: apt-get install$missing" >&2
    exit 1
fi
echo "installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
# The tests and benches start servers of their own; the system's need not run for them.
[ -d /run/systemd/system ] || exit 0
for package in $missing; do
    case $package in
    nginx-light) service=nginx ;;
    nghttp2-proxy) service=nghttpx ;;
    h2o | haproxy) service=$package ;;
    *) continue ;;
    esac
    $as_root systemctl disable --now "$service"
    echo "$package was installed for the tests; its service is switched off"
done
