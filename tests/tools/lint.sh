#!/bin/sh
# lint.sh - what no compiler checks: rooms depend in one direction, each library has one user, some
# functions are not used, nothing is left for later.
set -u
rooms="base net http push config tls h2 h1 origin proxy server"
status=0

fail() {
    echo "lint: $*" >&2
    status=1
}

rank() {
    n=0
    for room in $rooms; do
        n=$((n + 1))
        [ "$room" = "$1" ] && echo "$n" && return
    done
    echo 0
}

for room in $rooms; do
    own=$(rank "$room")
    for file in src/"$room"/*.[ch] include/"$room"/*.h; do
        [ -e "$file" ] || continue
        for used in $(sed -n 's/^#include "\([a-z0-9_]*\)\/.*/\1/p' "$file" | sort -u); do
            other=$(rank "$used")
            [ "$other" = 0 ] && fail "$file includes from $used, which is no room"
            [ "$other" -gt "$own" ] && fail "$file: the room $room may not use $used"
        done
    done
done

# A header beside the sources of its room is that room's own.
for header in src/*/*.h; do
    room=$(echo "$header" | cut -d/ -f2)
    users=$(grep -lE "^#include \"$room/$(basename "$header")\"" src/*/*.c src/*/*.h include/*/*.h | grep -v "^src/$room/")
    [ -z "$users" ] || fail "$header is for its own room, and used by: $users"
done

# library header pattern, the only rooms that may include it
only() {
    pattern=$1
    shift
    allowed=$(printf '%s|' "$@")
    grep -lE "^#include <$pattern" src/*/*.[ch] include/*/*.h | while read -r file; do
        room=$(echo "$file" | cut -d/ -f2)
        echo "$room" | grep -qxE "${allowed%|}" || echo "$file"
    done
}
report() {
    files=$(only "$@")
    [ -z "$files" ] || fail "<$1> belongs to another room than that of: $files"
}
report 'nghttp2/' h2
report 'openssl/' tls
report 'curl/' origin
report 'ini\.h' config
report 'event2/' origin proxy server

banned=$(grep -nE '\<(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|alloca) ?\(' src/*/*.c include/*/*.h)
[ -z "$banned" ] || fail "banned functions:
$banned"
heap=$(grep -nwE '(malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf) ?\(' src/*/*.c | grep -v '^src/base/mem.c:')
[ -z "$heap" ] || fail "memory that does not come through base/mem.h:
$heap"
later=$(grep -nwE 'TODO|FIXME|XXX|HACK' -r src include tests conf docs Makefile README.md | grep -v '^tests/tools/lint.sh:')
[ -z "$later" ] || fail "left for later:
$later"
stray=$(git ls-files 2>/dev/null | cut -d/ -f1 | sort -u | grep -vxE 'src|include|tests|conf|docs|Makefile|README\.md|LICENSE|\..*')
[ -z "$stray" ] || fail "not of the layout: $stray"
exit $status
