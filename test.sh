#!/usr/bin/env bash
#
# ./test.sh [--suite NAME | --smoke] [pytest arguments]
#
# All checks that a change has to pass: style, formatting, types, the import arrows, the shell scripts, the tests.
# Makes .venv with the development tools when they are missing. Every check runs, also after one has failed.
#
#   --suite NAME    that suite instead, and nothing else: 'long', 'containers', 'package', 'web', 'browser', 'fuzz', 'ray' or 'simulation' (tests/conftest.py tells more)
#   --smoke         a little of each suite instead, in some seconds, and why what cannot run here cannot
#   --help          this text

set -euo pipefail
root=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=moviola/launcher/environment.sh
. "$root/moviola/launcher/environment.sh"

if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then
    print_head "$0" && exit 0
fi

requirements=(requirements.txt requirements-dev.txt)
if [ "${1:-}" = --suite ] && [ "${2:-}" = ray ]; then
    requirements+=(requirements-ray.txt) # 240 MB that no other test needs
fi
make_environment "${requirements[@]}"
cd "$root"
tools=.venv/bin
if [ "${1:-}" = --smoke ]; then
    exec "$tools/python" -m pytest -r s --numprocesses "$(getconf _NPROCESSORS_ONLN)" "$@"
fi
if [ "${1:-}" = --suite ]; then
    exec "$tools/python" -m pytest "$@" # one after the other: they measure, or need the machine for themselves
fi
summary=""
complaints=""
failed=0
told_again=40 # lines of each check that failed: who has the end of a long log alone sees why; a person at a terminal has all
printed=$(mktemp)

check() {
    local name=$1 started=$SECONDS outcome=passed
    shift
    printf '\n== %s\n' "$name"
    if [ -t 1 ]; then "$@"; else "$@" 2>&1 | tee "$printed"; fi || { outcome=FAILED && failed=1; }
    summary+=$(printf '%-14s %s  %4d s' "$name" "$outcome" $((SECONDS - started)))$'\n'
    [ "$outcome" = passed ] || [ ! -s "$printed" ] || complaints+=$'\n'"== $name FAILED, its last lines again"$'\n'"$(tail -n "$told_again" "$printed")"$'\n'
}

# Two that need one core each, in the background meanwhile. In a fresh clone each process
# that shares the tests would compile all of them: that is done once, here.
typed=$(mktemp)
"$tools/mypy" >"$typed" 2>&1 &
typing=$!
"$tools/python" -m pytest --collect-only --quiet >/dev/null 2>&1 &
compiling=$!
trap 'rm -f "$printed" "$typed"; jobs -pr | xargs kill 2>/dev/null || true' EXIT

# shellcheck disable=SC2329 # 'check' calls it
what_mypy_said() {
    cat "$typed"
    return "$typing_status"
}

check style "$tools/ruff" check .
check format "$tools/ruff" format --check .
check imports "$tools/lint-imports"
check shell "$tools/shellcheck" --external-sources run.sh stop.sh test.sh .ci/run moviola/launcher/*.sh docker/*.sh
check simulation "$tools/python" -m tests.simulation --seeds 60 --first 1 # the same each time; the suite 'simulation' plays fresh ones
typing_status=0
wait "$typing" || typing_status=$?
check types what_mypy_said
wait "$compiling" || true # what cannot be collected is told by the tests
# One process more than cores: tests of real programs wait about as often as they compute.
check tests "$tools/python" -m pytest --numprocesses "$(($(getconf _NPROCESSORS_ONLN) + 1))" --dist worksteal "$@"

printf '%s\n%s' "$complaints" "$summary"
exit "$failed"
