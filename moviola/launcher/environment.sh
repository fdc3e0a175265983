# shellcheck shell=bash
# Sourced by run.sh, stop.sh and test.sh with $root set. Kept to bash 3.2, which macOS ships.

: "${root:?is the folder of this repository}"

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Prints the first Python that is new enough; $PYTHON, where it is set, is the only candidate.
find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.13 python3.12 python3.11 python3.14 python
    fi
    for candidate in "$@"; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

# make_environment REQUIREMENTS...: .venv exists and holds what these files list.
make_environment() {
    local python
    python=$(find_python) || fail "Moviola needs Python 3.11 or newer, and ${PYTHON:-python3} is not:" \
        "install one (https://www.python.org/downloads) or name one: PYTHON=/path/to/python3.12 $0"
    "$python" "$root/moviola/launcher/environment.py" "$@" || exit 1
}

# in_environment MODULE ARGUMENTS...: becomes that module; relative paths stay relative to the caller's folder.
in_environment() {
    PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" exec "$root/.venv/bin/python" -m "$@"
}

# Prints the comment at the head of a script, which is its help.
print_head() {
    sed -n -e '1,2d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$1"
}
