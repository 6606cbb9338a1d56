#!/bin/sh
# circles.sh OBJECTS - fails where files of a room depend on each other in a circle, by what they include
# or by the functions and tables that they use. OBJECTS is the folder in which the sources were compiled.
# A file is x.c with its x.h, wherever that lies. Says the members of the first circle of each room.
set -u
objects=$1
status=0

# Pairs "USER USED" of files of the room $1, by their includes.
included() {
    for file in src/"$1"/*.[ch] include/"$1"/*.h; do
        [ -e "$file" ] || continue
        user=$(basename "$file" | sed 's/\.[ch]$//')
        sed -n "s|^#include \"$1/\([a-z0-9_]*\)\.h\".*|$user \1|p" "$file"
    done
}

# The same by the symbols that one object needs and another defines.
called() {
    nm -A "$objects/$1"/*.o 2>/dev/null | awk '
        {
            file = $1
            sub(/:.*/, "", file)
            sub(/.*\//, "", file)
            sub(/\.o$/, "", file)
            kind = $(NF - 1)
            name = $NF
            if (kind == "U") needs[file, name] = 1
            else if (kind ~ /^[TDBR]$/) home[name] = file
        }
        END {
            for (pair in needs) {
                split(pair, part, SUBSEP)
                if (part[2] in home && home[part[2]] != part[1]) print part[1], home[part[2]]
            }
        }'
}

for folder in src/*/; do
    room=$(basename "$folder")
    circle=$({ included "$room"; called "$room"; } | awk '$1 != $2' | sort -u | tsort 2>&1 >/dev/null)
    [ -z "$circle" ] && continue
    echo "lint: files of $room depend on each other in a circle:" \
        "$(echo "$circle" | sed -n '/contains a loop/d; s/^tsort: //p' | tr '\n' ' ')" >&2
    status=1
done
exit $status
