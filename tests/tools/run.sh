#!/bin/sh
# run.sh TEST... - runs test programs, each with a time limit, two at a time; shows what each says
# in the order given, and fails if any fails.
set -u
limit=${TEST_TIMEOUT_S:-300}
jobs=${TEST_JOBS:-2}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

run_one() {
    timeout -k 10 "$limit" "$2" >"$dir/$1.out" 2>&1
    echo $? >"$dir/$1.code"
}

show() {
    while [ ! -s "$dir/$1.code" ]; do sleep 0.05; done
    code=$(cat "$dir/$1.code")
    echo "== $2"
    cat "$dir/$1.out"
    [ "$code" = 0 ] && return
    [ "$code" = 124 ] && echo "$2: stopped after $limit s" >&2
    echo "$2: failed with code $code" >&2
    failed="$failed $2"
}

# One lane for each job; a lane takes the next test that no other has taken.
lane() {
    n=0
    for test in "$@"; do
        n=$((n + 1))
        mkdir "$dir/$n.taken" 2>/dev/null || continue
        run_one "$n" "$test"
    done
}

failed=
i=0
while [ "$i" -lt "$jobs" ]; do
    i=$((i + 1))
    lane "$@" &
done
n=0
for test in "$@"; do
    n=$((n + 1))
    show "$n" "$test" 2>&1
done >&2
wait
if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
echo "all $# test programs passed" >&2
