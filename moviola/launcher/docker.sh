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
# A path of the caller's folder; compose would take it from its own, or 'out' for the name of a volume.
case $MOVIOLA_RESULTS in /*) ;; *) MOVIOLA_RESULTS=$PWD/$MOVIOLA_RESULTS ;; esac
export MOVIOLA_WORKERS=$workers
# A cluster on another port is another project, so that two live side by side.
port=${MOVIOLA_PORT:-5000}
project=moviola-$port
compose=(docker compose --project-directory "$root" --project-name "$project")

if [ "$verb" = down ]; then
    "${compose[@]}" --profile tables --profile tools down --remove-orphans
    exit 0
fi

mkdir -p "$MOVIOLA_RESULTS" "$root/data"
[ "$(id -u)" != 0 ] || chown 1000:1000 "$MOVIOLA_RESULTS" "$root/data"
"${compose[@]}" up --build --detach --wait --wait-timeout 120

# What is said can be typed in this folder and in this shell, which knows none of the variables that are set here.
stop=(./stop.sh --docker)
[ "$PWD" = "$root" ] || stop=("$root/stop.sh" --docker)
[ "$port" = 5000 ] || stop+=(--port "$port")
send=(env "MOVIOLA_USER=$MOVIOLA_USER" "MOVIOLA_RESULTS=$MOVIOLA_RESULTS" "${compose[@]}" run --rm client)
echo "Moviola is up in containers: $workers worker(s), middleware on port $port."
echo "  results  $MOVIOLA_RESULTS"
echo "  logs     docker compose -p $project logs"
echo "  stop    $(printf ' %q' "${stop[@]}")"
echo "  secret   (umask 077; docker compose -p $project exec -T middleware cat state/secret > secret)"
echo "           for workers and clients outside of the containers: --secret-file secret"
if [ "$demo" = yes ]; then
    "${compose[@]}" --profile tools run --rm --entrypoint docker/entrypoint.sh client demo --host middleware
else
    echo "  send     put a video into $root/data, then:"
    echo "          $(printf ' %q' "${send[@]}") data/VIDEO --filters blur"
fi
