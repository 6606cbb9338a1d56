#!/bin/sh
# run.sh BUILD TARGET... - runs each fuzz target for FUZZ_S seconds (30), two at a time, and prints
# one line for each. Starts from tests/fuzz/corpus/NAME, and from what earlier runs found, which is
# in BUILD/corpus/NAME. An input that fails stays in BUILD/failed/. Fails if any target does.
set -u
build=$1
shift
seconds=${FUZZ_S:-30}
jobs=${FUZZ_JOBS:-2}
here=$(dirname "$0")
cases=$here/../cases/link.jsonl
mkdir -p "$build/failed"

# The Link values of the table of cases, one line of a response each, are seeds of two targets.
seed_links() {
    mkdir -p "$build/links"
    sed -n 's/.*"link": \["\(.*\)"\], "pushed".*/\1/p' "$cases" | sed 's/\\"/"/g' |
        split -l 1 -a 4 - "$build/links/"
}

run_one() {
    name=$1
    found=$build/corpus/$name
    log=$build/$name.log
    seeds=$here/corpus/$name
    case $name in
    link | plan) seeds="$seeds $build/links" ;;
    esac
    mkdir -p "$found"
    # shellcheck disable=SC2086
    if "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 \
        -max_len=4096 -print_final_stats=1 -artifact_prefix="$build/failed/$name-" \
        "$found" $seeds >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        echo "$name: $runs runs in $seconds s, $edges edges"
    else
        grep -vE '^(#[0-9]|INFO:)' "$log" | head -n 40 >&2
        echo "$name: FAILED; the whole log is $log, the input is in $build/failed/"
        touch "$build/failed.mark"
    fi
}

rm -f "$build/failed.mark"
seed_links
running=0
for target in "$@"; do
    run_one "${target##*fuzz_}" &
    running=$((running + 1))
    if [ "$running" = "$jobs" ]; then
        wait
        running=0
    fi
done
wait
[ ! -e "$build/failed.mark" ]
