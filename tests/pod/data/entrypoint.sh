#!/usr/bin/env bash
# Starts the shop: waits for its database, migrates, and serves, works or runs what it is told.
set -Eeuo pipefail

: "${DATABASE_HOST:=db}" "${DATABASE_PORT:=5432}" "${WORKERS:=4}"

log() {
	printf '%s %s\n' "$(date -Is)" "$*" >&2
}

wait_for_database() {
	local tries=0
	until nc -z "$DATABASE_HOST" "$DATABASE_PORT"; do
		tries=$((tries + 1))
		if [[ $tries -ge 60 ]]; then
			log "no database at ${DATABASE_HOST}:${DATABASE_PORT}"
			exit 1
		fi
		sleep 1
	done
}

if [ "${1#-}" != "${1}" ]; then
	set -- serve "$@"
fi

case "${1:-serve}" in
serve)
	shift
	wait_for_database
	python manage.py migrate --noinput
	for file in /docker-entrypoint.d/*.sh; do
		[ -e "$file" ] || continue
		. "$file"
	done
	cat >/tmp/gunicorn.py <<-CONFIG
		workers = ${WORKERS}
		graceful_timeout = 25
	CONFIG
	exec gunicorn --config /tmp/gunicorn.py shop.wsgi:application "$@"
	;;
worker)
	wait_for_database
	trap 'kill -TERM "$pid" 2>/dev/null || true' TERM INT
	celery --app shop worker --loglevel info &
	pid=$!
	wait "$pid"
	;;
*)
	exec "$@"
	;;
esac
