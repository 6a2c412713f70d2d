#!/usr/bin/env bash
# Makes (or brings up to date) a Python environment: make-venv.sh FOLDER REQUIREMENTS-FILE
set -euo pipefail
folder=$1 requirements=$2
# Debian's python3-venv completes Debian's python3, so that one is taken when it exists.
python=/usr/bin/python3
[ -x "$python" ] || python=python3
printf 'venv: %s from %s\n' "$folder" "$requirements"
[ -x "$folder/bin/pip" ] || "$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip install -q --disable-pip-version-check -r "$requirements" || {
    printf 'venv: the Python packages of %s could not be installed; is the package index reachable?\n' \
        "$requirements" >&2
    exit 1
}
