#!/usr/bin/env bash
# Starts the built service for trying it out, with everything it keeps under data/.
#
#   deploy/run-local.sh PROGRAM        PORT=9090 picks another port
set -euo pipefail

program=${1:?usage: run-local.sh PROGRAM}
port=${PORT:-8080}
case $port in
*[!0-9]* | ??????*) good=no ;;
*) [ "$port" -ge 1 ] && [ "$port" -le 65535 ] && good=yes || good=no ;;
esac
if [ "$good" = no ]; then
    printf 'run: PORT=%s is not allowed; it must be a whole number from 1 to 65535\n' "$port" >&2
    exit 2
fi
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    printf 'run: port %s of 127.0.0.1 is in use; stop what listens there, or pick another: PORT=%s make run\n' \
        "$port" "$((port + 1))" >&2
    exit 1
fi

# Named here, so that settings for AWS in the caller's environment cannot turn a trial into the real thing.
export REVIEWD_LISTEN=127.0.0.1:$port
export REVIEWD_STORE=sqlite:data/reviews.db
export REVIEWD_MAIL=maildir:data/mail
mkdir -p -m 750 data

cat <<TEXT
reviewd: http://127.0.0.1:$port/reviews   (data/reviews.db, data/mail/; Ctrl-C stops it)

try it in another terminal:
  curl -d '{"user_name":"Patricia Stewart","review":"The tool is fantastic."}' http://127.0.0.1:$port/reviews

TEXT
exec "$program" serve
