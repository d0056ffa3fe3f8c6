#!/usr/bin/env bash
# Make a virtual environment with lameduck and its development tools in it.
# usage: make-venv.sh PYTHON VENV
set -euo pipefail
python=$1 venv=$2

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "lameduck needs Python 3.11 or newer, and '$python' is not that: set PYTHON=/path/to/python3.11" >&2
  exit 2
fi
# Debian ships Python without the module that puts pip into a virtual environment.
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
  else
    echo "Python's venv module is missing: install it (Debian: apt-get install python3-venv) and run make again" >&2
    exit 2
  fi
fi
echo "setting up $venv (once)"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
