#!/usr/bin/env bash
#
# ./stop.sh [options]
#
# Stops the cluster that ./run.sh started, gracefully: workers finish the task they have. Waits until no process
# and no port is left. Unfinished jobs stay on disk and go on after the next ./run.sh. Harmless when nothing runs.
#
#   --state DIR    the cluster whose state is there (state/, or MOVIOLA_STATE)
#   --docker       the cluster that runs in containers
#   --port P       with --docker: the one whose middleware has this port (5000, or MOVIOLA_PORT)
#   --help         this text

set -euo pipefail
root=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=moviola/launcher/environment.sh
. "$root/moviola/launcher/environment.sh"

for argument in "$@"; do
    case $argument in
        -h | --help) print_head "$0" && exit 0 ;;
        --docker) exec "$root/moviola/launcher/docker.sh" down "$@" ;;
    esac
done

if [ ! -x "$root/.venv/bin/python" ]; then
    echo "Nothing is running: ./run.sh has never been here (there is no .venv)."
    exit 0
fi
in_environment moviola.launcher.stop "$@"
