#!/usr/bin/env bash
# ./run.sh --docker and ./stop.sh --docker: the same cluster in containers. Called as 'up …' or 'down …'.

set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=moviola/launcher/environment.sh
. "$root/moviola/launcher/environment.sh"

verb=$1
shift
workers=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
demo=no

while [ $# -gt 0 ]; do
    case $1 in
        --docker) ;;
        demo) demo=yes ;;
        --workers | --port | --aggregator-port | --results | --state)
            [ $# -ge 2 ] || fail "$1 needs a value."
            case $1 in
                --workers) workers=$2 ;;
                --port) export MOVIOLA_PORT=$2 ;;
                --aggregator-port) export MOVIOLA_AGGREGATOR_PORT=$2 ;;
                --results) export MOVIOLA_RESULTS=$2 ;;
                --state) fail "In containers the state is in Docker volumes: --state and --docker do not go together." ;;
            esac
            shift
            ;;
        *) fail "'$1' is not known beside --docker: see ./run.sh --help." ;;
    esac
    shift
done

command -v docker >/dev/null || fail "There is no 'docker' here: install Docker, or leave --docker out."
docker compose version >/dev/null 2>&1 || fail "This Docker has no 'docker compose': install its compose plugin."
docker info >/dev/null 2>&1 || fail "The Docker engine does not answer: start it, and see that you may use it."

# Files in results/ shall belong to the person who runs this. The image's own user has id 1000, and root gets that
# one as well: nothing in the containers runs as root.
MOVIOLA_USER=$(id -u):$(id -g)
[ "$(id -u)" != 0 ] || MOVIOLA_USER=1000:1000
export MOVIOLA_USER
export MOVIOLA_RESULTS=${MOVIOLA_RESULTS:-$root/results}
export MOVIOLA_WORKERS=$workers
# A cluster on another port is another project, so that two live side by side.
compose=(docker compose --project-directory "$root" --project-name "moviola-${MOVIOLA_PORT:-5000}")

if [ "$verb" = down ]; then
    "${compose[@]}" --profile tables --profile tools down --remove-orphans
    exit 0
fi

mkdir -p "$MOVIOLA_RESULTS" "$root/data"
[ "$(id -u)" != 0 ] || chown 1000:1000 "$MOVIOLA_RESULTS" "$root/data"
"${compose[@]}" up --build --detach --wait --wait-timeout 120
echo "Moviola is up in containers: $workers worker(s), middleware on port ${MOVIOLA_PORT:-5000}."
echo "  results  $MOVIOLA_RESULTS"
echo "  logs     docker compose -p moviola-${MOVIOLA_PORT:-5000} logs"
echo "  stop     ./stop.sh --docker"
echo "  secret   (umask 077; docker compose -p moviola-${MOVIOLA_PORT:-5000} exec -T middleware cat state/secret > secret)"
echo "           for workers and clients outside of the containers: --secret-file secret"
if [ "$demo" = yes ]; then
    "${compose[@]}" --profile tools run --rm --entrypoint docker/entrypoint.sh client demo --host middleware
else
    echo "  send     put a video into data/, then: docker compose -p moviola-${MOVIOLA_PORT:-5000} run --rm client data/VIDEO --filters blur"
fi
