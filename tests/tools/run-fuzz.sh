#!/usr/bin/env bash
# Runs each fuzz target for a bounded time, starting from its corpus: run-fuzz.sh FOLDER SECONDS NAME ...
# New inputs go to FOLDER/corpus/NAME, what crashes to FOLDER/crashes/NAME-*; the committed corpus stays as it is.
set -uo pipefail
folder=$1 seconds=$2
shift 2
# shellcheck source=tests/tools/sanitizers.sh
. tests/tools/sanitizers.sh
passed=0 failed=0
mkdir -p "$folder/crashes"
for name in "$@"; do
    mkdir -p "$folder/corpus/$name"
    log=$folder/$name.log
    corpora=("$folder/corpus/$name")
    [ ! -d "tests/fuzz/corpus/$name" ] || corpora+=("tests/fuzz/corpus/$name")
    dictionary=()
    [ ! -f "tests/fuzz/$name.dict" ] || dictionary=("-dict=tests/fuzz/$name.dict")
    if "$folder/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        "${dictionary[@]}" "-artifact_prefix=$folder/crashes/$name-" "${corpora[@]}" >"$log" 2>&1; then
        passed=$((passed + 1))
        printf 'fuzz_%s: %s inputs in %s s\n' "$name" \
            "$(awk '/number_of_executed_units/ { print $2 }' "$log")" "$seconds"
    else
        failed=$((failed + 1))
        tail -n 40 "$log"
        printf 'fuzz_%s: FAILED; add the input to tests/fuzz/corpus/%s/ once it is mended\n' "$name" "$name"
    fi
done
printf 'fuzzers: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
