#!/usr/bin/env bash
# Runs everything that `make test` has built: unit tests, the fuzz corpora, the integration tests. All of them
# run, also after a failure; the exit status is that of the worst.
#
#   tests/tools/run-tests.sh BUILD-FOLDER SANITIZER VENV
set -uo pipefail
build=$1 san=$2 venv=$3
# shellcheck source=tests/tools/sanitizers.sh
. tests/tools/sanitizers.sh

built() { # the programs of a source pattern: built PATTERN STRIP-PREFIX NEW-PREFIX
    local source
    for source in $1; do
        [ -e "$source" ] || continue
        local name=${source##*/}
        name=${name%.c}
        printf '%s/%s/%s\n' "$build" "${source%/*}" "$3${name#"$2"}"
    done
}

status=0
mapfile -t units < <(built 'tests/unit/*/test_*.c' '' '')
mapfile -t replays < <(built 'tests/fuzz/fuzz_*.c' fuzz_ replay_)
[ ${#units[@]} -eq 0 ] || tests/tools/run-unit.sh "${units[@]}" || status=1
[ ${#replays[@]} -eq 0 ] || tests/tools/run-replay.sh "${replays[@]}" || status=1

if compgen -G 'tests/integration/test_*.py' >/dev/null; then
    export REVIEWD_BIN=$PWD/$build/reviewd
    export REQUEST_GENERATOR_BIN=$PWD/$build/request_generator
    export SIGV4_TOOL=$PWD/$build/tests/tools/sigv4_tool
    export AWS_CALL_TOOL=$PWD/$build/tests/tools/aws_call_tool
    export DYNAMODB_CONTRACT=$PWD/$build/tests/tools/dynamodb_contract
    export REVIEWD_SAN=$san
    # Most tests wait more than they compute, so there are more of them at a time than cores.
    "$venv/bin/python" -m pytest -q -n $((2 * $(nproc))) --dist worksteal --timeout=600 -p no:cacheprovider \
        tests/integration || status=1
fi
exit "$status"
