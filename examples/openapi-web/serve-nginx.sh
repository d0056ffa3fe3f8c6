#!/bin/sh
# The image's nginx, in the foreground, on the port that lameduck names: serve-nginx.sh PORT
# /download takes about three and a half seconds for each client, as a slow client of a real service would.
set -eu
port=$1
prefix=$(mktemp -d "${TMPDIR:-/tmp}/lameduck-nginx.XXXXXX")
chmod 755 "$prefix" # its workers are another user when root starts it
mkdir "$prefix/html" "$prefix/temp"
echo hello > "$prefix/html/index.html"
head -c 180000 /dev/zero > "$prefix/html/download"
cat > "$prefix/nginx.conf" <<EOF
daemon off;
worker_processes 2;
pid $prefix/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path $prefix/temp; proxy_temp_path $prefix/temp; fastcgi_temp_path $prefix/temp;
  uwsgi_temp_path $prefix/temp; scgi_temp_path $prefix/temp;
  server {
    listen 127.0.0.1:$port;
    root $prefix/html;
    location = /download { limit_rate 50k; default_type application/octet-stream; }
  }
}
EOF
exec nginx -e stderr -p "$prefix" -c "$prefix/nginx.conf"
