#!/bin/sh
# load.sh BINARY - h2load through the proxy to nginx, ten times: every response must be 2xx, and
# resident memory may grow by less than 1 MiB between the second run and the tenth.
# LOAD_REQUESTS (100000) are made in each run.
set -eu
binary=$1
requests=${LOAD_REQUESTS:-100000}
dir=$(mktemp -d)
pids=
trap 'for pid in $pids; do kill "$pid" 2>/dev/null || :; done; wait; rm -rf "$dir"' EXIT

chmod 755 "$dir" # an nginx that root starts reads as another user
mkdir "$dir/html"
head -c 768 /dev/zero | base64 -w 0 >"$dir/html/1k"
cat >"$dir/nginx.conf" <<EOF
daemon off;
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/nginx.log;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $dir/body; proxy_temp_path $dir/proxy; fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi; scgi_temp_path $dir/scgi;
    server { listen unix:$dir/nginx.sock; root $dir/html; }
}
EOF
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
cat >"$dir/proxy.conf" <<EOF
workers = 1
[listen main]
address = 127.0.0.1:0
[certificate main]
chain = cert.pem
key = key.pem
[origin nginx]
url = http://unix:nginx.sock
[log]
access = access.log
[admin]
address = 127.0.0.1:0
EOF
nginx -c "$dir/nginx.conf" -p "$dir" 2>/dev/null &
pids="$pids $!"
"$binary" -c "$dir/proxy.conf" 2>"$dir/log" &
proxy=$!
pids="$pids $proxy"
until grep -q 'info: ready' "$dir/log" && [ -S "$dir/nginx.sock" ]; do
    kill -0 "$proxy"
    sleep 0.05
done
port=$(sed -n 's/.*info: listening on 127.0.0.1:\([0-9]*\)$/\1/p' "$dir/log")
admin=$(sed -n 's/.*admin: listening on 127.0.0.1:\([0-9]*\)$/\1/p' "$dir/log")

# Resident memory once the clients of the last run are gone.
rss() {
    until curl -s "http://127.0.0.1:$admin/metrics" | grep -qx 'headstart_connections_open 0'; do
        sleep 0.05
    done
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB$/\1/p' "/proc/$proxy/status"
}

run=0
while [ "$run" -lt 10 ]; do
    run=$((run + 1))
    h2load -n "$requests" -c 64 -m 8 "https://127.0.0.1:$port/1k" >"$dir/out"
    good=$(sed -n 's/^status codes: \([0-9]*\) 2xx.*/\1/p' "$dir/out")
    echo "run $run: $good of $requests 2xx, $(sed -n 's/^finished in [^,]*, \([^,]*\),.*/\1/p' "$dir/out"), resident $(rss) KiB"
    [ "$good" = "$requests" ] || exit 1
    [ "$run" != 2 ] || second=$(rss)
done
grown=$(($(rss) - second))
echo "resident memory grew by $grown KiB between the second run and the tenth"
[ "$grown" -lt 1024 ]
kill "$proxy"
wait "$proxy"
