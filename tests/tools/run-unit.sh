#!/usr/bin/env bash
# Runs the given unit test programs, each to its end, and closes with one line that counts programs.
set -u
passed=0 failed=0
for program in "$@"; do
    if output=$(timeout 300 "$program" 2>&1); then
        passed=$((passed + 1))
        printf '%s: %s\n' "${program##*/}" "$(grep -c '\[       OK \]' <<<"$output") tests passed"
    else
        failed=$((failed + 1))
        printf '%s\n%s: FAILED\n' "$output" "$program"
    fi
done
printf 'unit: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
