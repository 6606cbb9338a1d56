# shellcheck shell=sh disable=SC2034 # read by others
# stage.sh - the stage of the bench, read by its scripts: a folder, a certificate, the origin, and one
# proxy at a time or several together, all stopped by their process ids. Expects $tools, the folder of the built tools.
#
# The proxy has one core, the clients and the origin another, if the machine has two.

. "$here/peers.sh"

on_proxy_core=
on_client_core=
if [ "$(nproc)" -gt 1 ] && command -v taskset >/dev/null; then
    cores=$(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' | awk -F- '{ for (i = $1; i <= ($2 == "" ? $1 : $2); i++) print i }')
    on_client_core="taskset -c $(echo "$cores" | head -n 1)"
    on_proxy_core="taskset -c $(echo "$cores" | tail -n 1)"
fi
# shellcheck disable=SC3045
ulimit -n "$(ulimit -Hn)" 2>/dev/null || :

origin_pid=
proxy_pid=
attack_pid=
together= # NAME:PORT:PID of those that run together

stage_links() {
    for count in 5 50 500; do
        echo "location /links-$count/ { alias $dir/site/body/;"
        "$tools/site" links $count
        echo "}"
    done
}

stage_open() {
    dir=$(mktemp -d)
    trap stage_close EXIT
    trap 'exit 1' INT TERM
    chmod 755 "$dir" # an nginx that root starts reads as another user
    mkdir "$dir/site" "$dir/tmp"
    "$tools/site" "$dir/site"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost \
        -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
    for name in $PEERS headstart_log headstart_2 headstart_256; do mkdir "$dir/$name"; done
    # shellcheck disable=SC2046
    set -- $("$tools/site" ports 2)
    port=$1
    origin=127.0.0.1:$2
    stage_links >"$dir/links.conf"
    cat >"$dir/origin.conf" <<CONF
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid $dir/origin.pid;
error_log $dir/origin.log error;
events { worker_connections 16384; }
http {
    access_log off;
    client_body_temp_path $dir/tmp/b; proxy_temp_path $dir/tmp/p; fastcgi_temp_path $dir/tmp/f;
    uwsgi_temp_path $dir/tmp/u; scgi_temp_path $dir/tmp/s;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=2000 inactive=1h;
    open_file_cache_valid 1h;
    server {
        listen $origin backlog=4096;
        root $dir/site;
        include $dir/links.conf;
    }
}
CONF
    $on_client_core nginx -c "$dir/origin.conf" -p "$dir" 2>>"$dir/origin.log" &
    origin_pid=$!
}

# stage_stop PID: 10 s for a graceful end, then it and its children are killed.
stage_stop() {
    kill -TERM "$1" 2>/dev/null || return 0
    tries=0
    while kill -0 "$1" 2>/dev/null; do
        tries=$((tries + 1))
        if [ $tries -gt 500 ]; then
            # shellcheck disable=SC2046
            kill -KILL $(cat /proc/"$1"/task/*/children) "$1" 2>/dev/null || :
        fi
        sleep 0.02
    done
    wait "$1" 2>/dev/null || :
}

# stage_stop_child PID: of a wrapper that passes no signal on, and ends with its child.
stage_stop_child() {
    kill -TERM "$(cut -d' ' -f1 "/proc/$1/task/$1/children")" 2>/dev/null || :
    wait "$1" 2>/dev/null || :
}

stage_close() {
    stop_proxy
    stop_together
    stop_attack
    [ -z "$origin_pid" ] || stage_stop "$origin_pid"
    rm -rf "$dir"
}

# start_proxy NAME [WRAPPER]
start_proxy() {
    "peer_$1"
    cores_of_it=$on_proxy_core
    [ "$1" != headstart_2 ] || cores_of_it=
    case ${2-} in
    strace*) proxy_stop=stage_stop_child ;;
    *) proxy_stop=stage_stop ;;
    esac
    # shellcheck disable=SC2086
    $cores_of_it ${2-} $command >"$dir/$1/log" 2>&1 &
    proxy_pid=$!
}

stop_proxy() {
    [ -z "$proxy_pid" ] || $proxy_stop "$proxy_pid"
    proxy_pid=
}

# start_together NAMES: all at once on the proxy's core, each on a port of its own.
start_together() {
    port_alone=$port
    # shellcheck disable=SC2046
    free=$(echo $("$tools/site" ports "$(echo "$1" | wc -w)"))
    for name in $1; do
        port=${free%% *}
        free=${free#* }
        start_proxy "$name"
        together="$together $name:$port:$proxy_pid"
        proxy_pid=
    done
    port=$port_alone
}

stop_together() {
    for one in $together; do stage_stop "${one##*:}"; done
    together=
}

# start_attack KIND CONNECTIONS RATE: at low priority, so that it takes little from the load client.
start_attack() {
    $on_client_core nice -n 19 "$tools/attack" "$1" "$port" "$2" "$3" 60 >"$dir/attack" 2>&1 &
    attack_pid=$!
}

stop_attack() {
    [ -z "$attack_pid" ] || stage_stop "$attack_pid"
    attack_pid=
}

# h2load_spell REQUESTS ARGUMENTS: one run of h2load against $address, all of whose responses must be 2xx.
# Sets `cpu` to the nanoseconds that the proxy took.
h2load_spell() {
    requests=$1
    shift
    before=$("$tools/cpu" "${address#*:}")
    $on_client_core h2load -n "$requests" "$@" >"$dir/h2load" 2>&1
    sleep 0.02 # the proxy finishes what it is at
    cpu=$(($("$tools/cpu" "${address#*:}") - before))
    grep -q " $requests succeeded, 0 failed, 0 errored, 0 timeout" "$dir/h2load" &&
        grep -q "status codes: $requests 2xx" "$dir/h2load"
}

# h2load_one -n REQUESTS [h2load's arguments] PATH: prints what a request takes, without what a run takes
# as such (its handshakes): the difference of two runs, of which the second asks for three times as much.
# With -N instead of -n, one run, with all that it takes.
h2load_one() {
    how=$1
    requests_of_row=$2
    shift 2
    for path in "$@"; do :; done
    $on_client_core "$tools/load" -p "${address%:*}" -n 1 "$path" >/dev/null || return 1 # it listens
    # shellcheck disable=SC2046
    set -- $(echo "$*" | sed 's| /[^ ]*$||') "https://127.0.0.1:${address%:*}$path"
    h2load_spell "$requests_of_row" "$@" || { cat "$dir/h2load" >&2; return 1; }
    once=$cpu
    count=$requests_of_row
    if [ "$how" = -n ]; then
        h2load_spell $((3 * requests_of_row)) "$@" || { cat "$dir/h2load" >&2; return 1; }
        cpu=$((cpu - once))
        count=$((2 * requests_of_row))
    fi
    awk "BEGIN { printf \"requests=%d cpu_us=%.3f\\n\", $count, $cpu / 1000 / $count }"
}

# load_one NAME:PORT:PID ARGUMENTS: against one of those that run together.
load_one() {
    address=${1#*:}
    shift
    case $1 in
    h2load)
        shift
        h2load_one "$@"
        return
        ;;
    esac
    $on_client_core "$tools/load" -p "${address%:*}" -g "${address#*:}" "$@"
}

# load ARGUMENTS: against the proxy that runs.
load() {
    $on_client_core "$tools/load" -p "$port" "$@"
}
