#!/bin/bash
# Hands SIGTERM on to the service and waits for it twice: the first wait ends with the trap.
trap 'kill -TERM "$service"' TERM
python3 -m lameduck.rehearse.bundled_server --port "$1" &
service=$!
wait "$service"
wait "$service"
