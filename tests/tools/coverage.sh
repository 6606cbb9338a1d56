#!/bin/sh
# coverage.sh OBJECTS [ROOM...] - prints, as a Markdown table, how many lines of each room of src/ the
# programs that have just run went through. OBJECTS is the folder in which the sources were compiled
# with --coverage. With rooms: only these, file by file.
set -eu
objects=$1
shift

# Lines "FILE PERCENT LINES" of the sources of a room.
of_room() {
    for notes in "$objects/$1"/*.gcno; do # there for every source, run or not
        gcov -n -o "$objects/$1" "$notes" 2>/dev/null
    done | awk -v room="src/$1/" '
        /^File / { gsub(/^File |\x27/, ""); file = $0 }
        /^Lines executed:/ && index(file, room) == 1 && file ~ /\.c$/ {
            sub(/^Lines executed:/, "")
            sub(/%/, "")
            print file, $1, $3
        }' | sort -u
}

if [ $# -gt 0 ]; then
    for room in "$@"; do
        of_room "$room" | awk '{ printf "%6.1f %% of %4d lines  %s\n", $2, $3, $1 }'
    done
    exit
fi
echo '| room | lines | run by unit tests |'
echo '|---|--:|--:|'
for folder in src/*/; do
    room=$(basename "$folder")
    of_room "$room" | awk -v room="$room" '
        { lines += $3; run += $2 * $3 / 100 }
        END { if (lines) printf "| `%s` | %d | %.0f %% |\n", room, lines, 100 * run / lines }'
done
