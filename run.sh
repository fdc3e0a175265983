#!/usr/bin/env bash
#
# ./run.sh [options] [demo]
#
# Starts a Moviola cluster on this machine: a middleware, an aggregator and workers, supervised in the background.
# Makes .venv when it is missing, waits until all are registered, and says what to type next. Harmless when the
# cluster is running already; another --workers then changes their number. Stop it with ./stop.sh.
#
#   demo                   also fetch a short film with sound, send it through 'edges', and show the result
#
#   --workers N            worker processes (one per core)
#   --port P               the middleware's port (5000, or MOVIOLA_PORT)
#   --aggregator-port P    the aggregator's port (5001, or MOVIOLA_AGGREGATOR_PORT)
#   --web                  also the gateway: an HTTP API of the cluster, with a page that lets it be tried
#   --web-port P           the gateway's port (8080, or MOVIOLA_WEB_PORT)
#   --state DIR            spools, ledgers and logs (state/, or MOVIOLA_STATE); one cluster per folder
#   --results DIR          finished files (results/, or MOVIOLA_RESULTS)
#   --docker               run the same in containers instead; needs Docker with compose, and no Python
#   --help                 this text
#
# A second cluster beside the first needs its own ports, state and results.
# PYTHON names the Python to make .venv with; otherwise the first one from 3.11 on is taken.

set -euo pipefail
root=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=moviola/launcher/environment.sh
. "$root/moviola/launcher/environment.sh"

for argument in "$@"; do
    case $argument in
        -h | --help) print_head "$0" && exit 0 ;;
        --docker) exec "$root/moviola/launcher/docker.sh" up "$@" ;;
    esac
done

make_environment requirements.txt
in_environment moviola.launcher.run "$@"
