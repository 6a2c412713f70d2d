#!/usr/bin/env bash
# Replays each fuzz target's corpus (tests/fuzz/corpus/NAME for replay_NAME), and closes with one line that
# counts inputs of targets that went through and targets that did not.
set -u
passed=0 failed=0
for program in "$@"; do
    name=${program##*/replay_}
    if output=$(timeout 300 "$program" "tests/fuzz/corpus/$name" 2>&1); then
        inputs=${output##*$'\n'}
        inputs=${inputs%% *}
        passed=$((passed + inputs))
        printf 'fuzz_%s: %s inputs replayed\n' "$name" "$inputs"
    else
        failed=$((failed + 1))
        printf '%s\nfuzz_%s: FAILED\n' "$output" "$name"
    fi
done
printf 'fuzz: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
