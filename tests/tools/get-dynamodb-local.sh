#!/usr/bin/env bash
# Fetches AWS's DynamoDB Local with Maven: get-dynamodb-local.sh POM FOLDER
#
# FOLDER/.installed is there when it went well. When it did not (no Java, no way to Maven's repository), FOLDER/missing
# says why, the tests that need it are skipped with that reason, and this is still a success. Either way FOLDER/.tried
# tells make not to come again before the POM changes.
set -euo pipefail
pom=$1 folder=$2
mkdir -p "$folder"
missing() {
    printf '%s\n' "$1" >"$folder/missing"
    printf 'dynamodb-local: %s; its tests are skipped (remove %s to have it tried again)\n' "$1" "$folder"
    rm -f "$folder/.installed"
    touch "$folder/.tried"
    exit 0
}

deploy/install-deps.sh dynamodb || missing 'Java 17 or Maven is not there and could not be installed'
printf 'dynamodb-local: fetching it into %s\n' "$folder"
timeout 300 mvn -q -B -f "$pom" dependency:copy-dependencies -DoutputDirectory="$PWD/$folder/lib" \
    >"$folder/log" 2>&1 || missing "Maven could not fetch it ($folder/log says more)"
rm -f "$folder/missing"
touch "$folder/.installed" "$folder/.tried"
