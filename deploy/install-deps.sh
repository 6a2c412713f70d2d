#!/usr/bin/env bash
# Installs what is missing for the groups named as arguments, with apt-get, and nothing else.
#
#   deploy/install-deps.sh build|run|test|dynamodb|lint|fuzz|coverage|bench ...
#
# A thing counts as there when it can be used (the command runs, pkg-config knows the library), wherever it came
# from. So the second time nothing is done, and a system other than Debian can bring its own packages.
set -euo pipefail

# group, probe, Debian package. Probes: cmd:COMMAND, pkg:PKG-CONFIG-MODULE, py:MODULE, or a function below.
table='
build     cmd:cc             gcc
build     compiles           libc6-dev
build     cmd:make           make
build     cmd:pkg-config     pkg-config
build     pkg:libmicrohttpd  libmicrohttpd-dev
build     pkg:libcurl        libcurl4-openssl-dev
build     pkg:jansson        libjansson-dev
build     pkg:openssl        libssl-dev
build     pkg:sqlite3        libsqlite3-dev
run       cmd:curl           curl
test      pkg:cmocka         libcmocka-dev
test      cmd:python3        python3
test      py:ensurepip       python3-venv
test      cmd:strace         strace
test      cmd:openssl        openssl
dynamodb  runs_java          default-jre-headless
dynamodb  cmd:mvn            maven
lint      cmd:clang-format   clang-format
lint      cmd:clang-tidy     clang-tidy
lint      cmd:cppcheck       cppcheck
lint      cmd:shellcheck     shellcheck
lint      cmd:python3        python3
fuzz      cmd:clang          clang
fuzz      fuzzes             libclang-rt-dev
coverage  cmd:gcovr          gcovr
bench     cmd:wrk            wrk
bench     cmd:python3        python3
bench     py:ensurepip       python3-venv
bench     serves             nginx-light
bench     cmd:go             golang-go
bench     cmd:node           nodejs
bench     cmd:npm            npm
'

compiles() {
    echo '#include <stdio.h>' | cc -E -x c - >/dev/null 2>&1
}

fuzzes() {
    echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
        clang -fsanitize=fuzzer,address -x c - -o /dev/null >/dev/null 2>&1
}

# DynamoDB Local needs Java 17.
runs_java() {
    local version
    version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 17 ]
}

serves() {
    PATH=$PATH:/usr/sbin command -v nginx >/dev/null
}

there() {
    case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null ;;
    pkg:*) pkg-config --exists "${1#pkg:}" 2>/dev/null ;;
    py:*) "$python" -c "import ${1#py:}" 2>/dev/null ;;
    *) "$1" ;;
    esac
}

fail() {
    printf 'deps: %s\n' "$1" >&2
    exit 1
}

# Debian's python3-venv completes Debian's python3, so that one is asked when it exists.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

[ $# -gt 0 ] || fail "name at least one group of: $(awk 'NF { print $1 }' <<<"$table" | uniq | paste -sd' ')"

missing=()
for group in "$@"; do
    grep -q "^$group " <<<"$table" || fail "no group is called '$group'"
    while read -r _ probe package; do
        there "$probe" || missing+=("$package")
    done < <(grep "^$group " <<<"$table")
done
[ ${#missing[@]} -gt 0 ] || exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

if ! command -v apt-get >/dev/null; then
    fail "missing, by their Debian names: ${missing[*]} - install their counterparts with this system's package manager, then run make again"
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null ||
        fail "missing packages, and no root here to install them; as root, run: apt-get install ${missing[*]}"
    as_root=(sudo -n)
fi

printf 'deps: installing %s\n' "${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >"$log" 2>&1
}
apt install --no-install-recommends "${missing[@]}" ||
    { apt update && apt install --no-install-recommends "${missing[@]}"; } ||
    fail "apt-get could not install ${missing[*]}: $(grep -m1 '^E: ' "$log" || echo 'it did not say why'); mend that, then run make again"
