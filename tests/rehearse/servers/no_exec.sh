#!/bin/dash
# The classic: the shell stays PID 1, and the service below it never hears of SIGTERM.
echo starting
python3 -m lameduck.rehearse.bundled_server --port "$1"
echo ended
