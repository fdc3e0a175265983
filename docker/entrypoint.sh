#!/bin/sh
# The one entry point of the image: ROLE [arguments].
set -eu

role=${1:-help}
[ $# -eq 0 ] || shift

case $role in
    middleware | aggregator | worker) exec python -m "$role" "$@" ;;
    send) exec python -m client.file_sender "$@" ;;
    status) exec python -m client.status "$@" ;;
    demo) exec python -m moviola.launcher.demo "$@" ;;
    joined) # joined MIDDLEWARE: whether that one knows the worker of this container; for its health check
        python -m client.status --host "$1" --json | grep -q "\"name\": \"$(hostname)-1\", \"state\": \"\(ready\|full\)\""
        ;;
    help | -h | --help)
        echo "usage: ROLE [arguments], where ROLE is middleware, aggregator, worker, send, status or demo"
        echo "       ROLE --help tells its arguments"
        ;;
    *)
        echo "There is no role '$role': middleware, aggregator, worker, send, status and demo are the ones." >&2
        exit 2
        ;;
esac
