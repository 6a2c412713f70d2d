#!/usr/bin/env bash
# Runs the given unit test programs, several at a time, each to its end, and closes with one line that counts programs.
set -u
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
export state

# The programs' output is kept together by a lock, and they end with this script.
run() {
    local program=$1 output outcome=passed said
    if output=$(setpriv --pdeathsig TERM -- timeout 300 "$program" 2>&1); then
        said="${program##*/}: $(grep -c '\[       OK \]' <<<"$output") tests passed"
    else
        outcome=failed
        said=$output$'\n'"$program: FAILED"
    fi
    {
        flock 9
        printf '%s\n' "$said"
        echo >&8
    } 9>"$state/lock" 8>>"$state/$outcome"
}
export -f run

: >"$state/passed"
: >"$state/failed"
# shellcheck disable=SC2016 # it is for the inner bash to expand
printf '%s\0' "$@" | xargs -0 -n 1 -P $((2 * $(nproc))) bash -c 'run "$1"' run
passed=$(wc -l <"$state/passed") failed=$(wc -l <"$state/failed")
printf 'unit: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -eq $# ]
