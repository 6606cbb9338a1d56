#!/bin/sh
# bench.sh full|quick|instructions|report BINARY TOOLS DIR - headstart beside its peers: rows.txt says
# what is done (add a row there), peers.sh by whom (add a peer there). Every round has fresh proxies.
# Those of a row take turns at short spells of load, or work at the same time, or come one after the
# other in interleaved rounds, so that what disturbs the machine disturbs all alike. One wrong
# response, and the bench fails.
#
# Writes into DIR: `machine`, what it was measured on; `results`, a line for each run; `summary`, the
# medians (summary.awk); `table.md` and `chart.svg` (table.awk, chart.awk).
#
# BENCH_ROWS="small visit-5", BENCH_PEERS="h2o headstart" and BENCH_ROUNDS=3 choose fewer rows, peers
# or rounds. `full` with all rows and peers also writes docs/performance.md and .svg; `report` does that
# from what is in DIR, and measures nothing.
set -eu
mode=$1
binary=$(realpath "$2")
tools=$(realpath "$3")
mkdir -p "$4"
out=$(realpath "$4")
results=$out/results
here=$(realpath "$(dirname "$0")")
. "$here/stage.sh"

rounds_at_most=${BENCH_ROUNDS:-5}
peers=${BENCH_PEERS:-$PEERS}
rows=${BENCH_ROWS:-}
case $mode in
quick)
    rounds_at_most=${BENCH_ROUNDS:-1}
    peers=${BENCH_PEERS:-nginx h2o headstart}
    rows=${BENCH_ROWS:-small single medium visit-5 visit-50 handshake}
    ;;
instructions)
    rows=${BENCH_ROWS:-instr-small instr-single instr-visit-5 instr-visit-50}
    ;;
esac

# Those of a row's peers that take part.
peers_of() {
    case $1 in
    all) echo "$peers" ;;
    push) echo "$peers" | sed 's/haproxy//' ;;
    *)
        for name in $1; do
            case " $peers headstart_log headstart_2 headstart_256 " in *" $name "*) echo "$name" ;; esac
        done
        ;;
    esac
}

# run_failed ROW PEER
run_failed() {
    echo "bench: $1 failed for $2; it said:" >&2
    tail -n 5 "$dir/$2/log" >&2
    exit 1
}

# run_load ROW PEER ARGUMENTS: sets `line` to what the load client prints.
run_load() {
    row=$1
    peer=$2
    shift 2
    start_proxy "$peer"
    case $1 in
    @*)
        # shellcheck disable=SC2046
        start_attack $(echo "${1#@}" | tr ',' ' ')
        shift
        ;;
    esac
    line=$(load -g "$proxy_pid" "$@") || run_failed "$row" "$peer"
    stop_attack
    stop_proxy
}

# run_in_turns ROW SPELLS PEERS ARGUMENTS: all are there, and one at a time has a spell of load, so
# that each has the core and its caches for itself, and noise that lasts hits all alike. Each spell
# warms up, and is a line of the results.
run_in_turns() {
    row=$1
    spells=$2
    names=$3
    shift 3
    start_together "$names"
    spell=0
    while [ $spell -lt "$spells" ]; do
        spell=$((spell + 1))
        for one in $together; do
            peer=${one%%:*}
            line=$(load_one "$one" "$@") || run_failed "$row" "$peer"
            echo "$row $peer $line" | tee -a "$results"
        done
    done
    stop_together
}

# run_together ROW PEERS ARGUMENTS: all at the same time, so that noise hits all alike.
run_together() {
    row=$1
    names=$2
    shift 2
    start_together "$names"
    loads=
    for one in $together; do
        peer=${one%%:*}
        load_one "$one" "$@" >"$dir/$peer/line" &
        loads="$loads $peer:$!"
    done
    failed=
    for one in $loads; do wait "${one#*:}" || failed=${one%:*}; done
    stop_together
    [ -z "$failed" ] || run_failed "$row" "$failed"
    for peer in $names; do
        echo "$row $peer $(cat "$dir/$peer/line")" | tee -a "$results"
    done
}

# count ROW PEER WHAT ARGUMENTS: sets `counted` to the instructions or the system calls of a whole run.
count() {
    row=$1
    peer=$2
    what=$3
    shift 3
    case $what in
    instructions) wrapper="valgrind --tool=callgrind --callgrind-out-file=$dir/count" ;;
    calls) wrapper="strace -f -c -o $dir/count" ;;
    esac
    start_proxy "$peer" "$wrapper"
    load "$@" >/dev/null || run_failed "$row" "$peer"
    stop_proxy
    case $what in
    instructions) counted=$(awk '$1 == "totals:" || $1 == "summary:" { print $2; exit }' "$dir/count") ;;
    calls) counted=$(awk '$NF == "total" { print $4 }' "$dir/count") ;;
    esac
}

# run_counted ROW PEER %WHAT ARGUMENTS: sets `line`.
run_counted() {
    requests=$(echo "$*" | sed 's/.* -n \([0-9]*\) .*/\1/')
    row=$1
    peer=$2
    what=${3#%}
    shift 3
    count "$row" "$peer" "$what" "$@"
    once=$counted
    # shellcheck disable=SC2046
    count "$row" "$peer" "$what" $(echo "$*" | sed "s/-n $requests /-n $((2 * requests)) /")
    line="$what=$(awk "BEGIN { print ($counted - $once) / $requests }")"
}

# run ROW PEER ARGUMENTS
run() {
    case $3 in
    %*) run_counted "$@" ;;
    *) run_load "$@" ;;
    esac
    echo "$1 $2 $line" | tee -a "$results"
}

# pass ROUND with|without: the rows with $RATE, or those without.
pass() {
    grep -v '^#' "$here/rows.txt" >"$dir/rows"
    while IFS='|' read -r id _ _ who rounds arguments; do
        id=$(echo "$id" | tr -d ' ')
        who=$(echo "$who" | sed 's/^ *//; s/ *$//')
        case " ${rows:-$id} " in *" $id "*) ;; *) continue ;; esac
        [ "$1" -le "$rounds" ] || continue
        # shellcheck disable=SC2016
        case $arguments in *'$RATE'*) needs_rate=with ;; *) needs_rate=without ;; esac
        [ "$needs_rate" = "$2" ] || continue
        arguments=$(echo "$arguments" | sed "s/\$RATE/${rate:-}/")
        # shellcheck disable=SC2086
        case $arguments in
        ' +'*) run_together "$id" "$(peers_of "$who")" ${arguments#*+} </dev/null ;;
        ' *'*)
            arguments=${arguments#*\*}
            run_in_turns "$id" "${arguments%% *}" "$(peers_of "$who")" ${arguments#* } </dev/null
            ;;
        *) for peer in $(peers_of "$who"); do run "$id" "$peer" $arguments </dev/null; done ;;
        esac
    done <"$dir/rows"
}

# 70 % of the slowest proxy's throughput in the row `small`, each with its median.
rate_of_results() {
    awk '$1 == "small" {
        for (i = 3; i <= NF; i++)
            if (sub(/^per_s=/, "", $i)) print $2, $i
    }' "$results" | sort -k 1,1 -k 2,2n | awk '
        { each[$1, ++n[$1]] = $2 }
        END {
            for (peer in n) {
                median = each[peer, int((n[peer] + 1) / 2)]
                if (!least || median < least) least = median
            }
            if (least) printf "%d\n", least * 0.7
        }'
}

# Where and with what it is measured. What else ran on the machine is in the load average.
machine() {
    model=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
    echo "Machine: ${model:-unknown CPU}, $(nproc) cores, $(uname -sr), load average" \
        "$(cut -d' ' -f1 /proc/loadavg) when the bench began."
    echo "Peers: $(dpkg-query -W -f '${Package} ${Version}, ' nginx h2o nghttp2-proxy haproxy 2>/dev/null | sed 's/, $//')."
    echo "Medians of up to $rounds_at_most rounds. No response was wrong."
}

# All rounds of the rows without a rate, then those with one.
measure() {
    machine >"$out/machine"
    : >"$results"
    stage_open
    for kind in without with; do
        rate=$(rate_of_results)
        [ $kind = without ] || [ -n "$rate" ] || break
        round=0
        while [ $round -lt "$rounds_at_most" ]; do
            round=$((round + 1))
            echo "round $round of $rounds_at_most"
            pass $round $kind
        done
    done
}

[ "$mode" = report ] || measure
cd "$here"
awk -f summary.awk rows.txt "$results" >"$out/summary"
{
    cat "$out/machine"
    echo
    awk -v peers="$peers" -f table.awk "$out/summary"
} >"$out/table.md"
awk -v peers="$peers" -f chart.awk "$out/summary" >"$out/chart.svg"
echo
cat "$out/table.md"

# The docs get what is complete.
docs=$here/../../docs
if [ -z "${mode#full}${BENCH_ROWS:-}${BENCH_PEERS:-}" ] || [ "$mode" = report ]; then
    cp "$out/chart.svg" "$docs/performance.svg"
    awk -v table="$out/table.md" '
        /^<!-- end of what make bench wrote -->$/ { skip = 0 }
        !skip
        /^<!-- make bench wrote what follows -->$/ {
            skip = 1
            print ""
            while ((getline line < table) > 0) print line
            print ""
        }' "$docs/performance.md" >"$out/performance.md"
    cp "$out/performance.md" "$docs/performance.md"
    echo "written: docs/performance.md, docs/performance.svg"
fi
