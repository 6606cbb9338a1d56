# shellcheck shell=sh disable=SC2034 # read by others
# peers.sh - the proxies of the bench, read by bench.sh. All have one worker, TLS 1.3 alone, the same
# certificate, no session resumption where that can be said, no access log, connections to the origin
# kept, as many streams as ours, and limits that the bench does not reach.
#
# A peer is a function peer_NAME that writes its configuration into the folder $dir/NAME (there is
# one already), for the port $port and the origin at $origin, and sets `command`: a process that stays
# in the foreground and ends at SIGTERM. To add one: its function, its name in PEERS, its package in
# tests/tools/deps.sh.

PEERS="nginx h2o nghttpx haproxy headstart"

peer_nginx() {
    mkdir -p "$dir/nginx/tmp"
    cat >"$dir/nginx/conf" <<CONF
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid $dir/nginx/pid;
error_log stderr error;
events { worker_connections 16384; }
http {
    access_log off;
    client_body_temp_path $dir/nginx/tmp/b; proxy_temp_path $dir/nginx/tmp/p;
    fastcgi_temp_path $dir/nginx/tmp/f; uwsgi_temp_path $dir/nginx/tmp/u;
    scgi_temp_path $dir/nginx/tmp/s;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    upstream origin {
        server $origin;
        keepalive 1024;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }
    server {
        listen 127.0.0.1:$port ssl http2 backlog=4096;
        ssl_certificate $dir/cert.pem;
        ssl_certificate_key $dir/key.pem;
        ssl_protocols TLSv1.3;
        ssl_session_tickets off;
        http2_max_concurrent_streams 128;
        http2_max_concurrent_pushes 1000;
        http2_push_preload on;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_max_temp_file_size 0;
        location / { proxy_pass http://origin; }
        location /links-500/ {
            proxy_buffer_size 64k;
            proxy_busy_buffers_size 128k;
            proxy_buffers 8 32k;
            proxy_pass http://origin;
        }
    }
}
CONF
    command="nginx -c $dir/nginx/conf -p $dir/nginx"
}

peer_h2o() {
    cat >"$dir/h2o/conf" <<CONF
num-threads: 1
max-connections: 16384
http2-max-concurrent-requests-per-connection: 1000
http2-idle-timeout: 3600
ssl-session-resumption:
  mode: off
hosts:
  default:
    listen:
      host: 127.0.0.1
      port: $port
      ssl:
        certificate-file: $dir/cert.pem
        key-file: $dir/key.pem
        minimum-version: TLSv1.3
        neverbleed: OFF
        ocsp-update-interval: 0
    paths:
      "/":
        proxy.reverse.url: http://$origin
        proxy.timeout.keepalive: 600000
CONF
    command="h2o -m worker -c $dir/h2o/conf"
}

peer_nghttpx() {
    : >"$dir/nghttpx/conf"
    command="nghttpx --conf=$dir/nghttpx/conf --workers=1 --frontend=127.0.0.1,$port
        --backend=$(echo "$origin" | tr : ,) --tls-min-proto-version=TLSv1.3
        --tls-max-proto-version=TLSv1.3 --backlog=4096 --frontend-http2-max-concurrent-streams=128
        --frontend-http2-read-timeout=1h --backend-keep-alive-timeout=10m --no-ocsp
        --log-level=ERROR $dir/key.pem $dir/cert.pem"
}

peer_haproxy() {
    cat "$dir/cert.pem" "$dir/key.pem" >"$dir/haproxy/both.pem"
    cat >"$dir/haproxy/conf" <<CONF
global
    nbthread 1
    maxconn 12000
    no strict-limits
    tune.ssl.cachesize 0
    tune.h2.max-concurrent-streams 128
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1m
    timeout http-keep-alive 1h
    http-reuse always
frontend clients
    bind 127.0.0.1:$port ssl crt $dir/haproxy/both.pem alpn h2 ssl-min-ver TLSv1.3 no-tls-tickets backlog 4096
    default_backend origin
backend origin
    server one $origin
CONF
    command="haproxy -q -db -f $dir/haproxy/conf"
}

# headstart_conf WORKERS ACCESS-LOG FOLDER [CONNECTIONS]
headstart_conf() {
    cat >"$dir/$3/conf" <<CONF
workers = $1
[listen main]
address = 127.0.0.1:$port
[certificate main]
chain = $dir/cert.pem
key = $dir/key.pem
[origin nginx]
url = http://$origin
max_connections = ${4:-1024}
[tls]
min_version = 1.3
session_tickets = off
[push]
max_per_page = 500
max_open = 1000
[limits]
connections_per_address = 0
streams = 128
[timeouts]
idle = 1h
[log]
access = $2
level = warning
CONF
    command="$binary -c $dir/$3/conf"
}

peer_headstart() {
    headstart_conf 1 off headstart
}

peer_headstart_log() {
    headstart_conf 1 "$dir/headstart_log/access.log" headstart_log
}

peer_headstart_2() {
    headstart_conf 2 off headstart_2
}

peer_headstart_256() {
    headstart_conf 1 off headstart_256 256
}
