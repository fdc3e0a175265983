"""Keeps the users file of a gateway: who may use it, and as what.

  add NAME        adds a user and prints their token, this once; with --admin
                  one who sees and controls everybody's jobs
  remove NAME     their token opens nothing any more, from the next request on
  list            shows who there is (this is the default)

The gateway is told of the file by its --users, and reads it again whenever it
has changed. A token that was lost is replaced by 'remove' and 'add': the
user's jobs stay.

Exit status: 0 done; 1 the file cannot be used; 2 wrong usage, or no such user.
"""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from moviola.base.command_line import EXIT_USAGE, LinesFormatter, Parser
from moviola.base.installation import state_folder
from moviola.base.invocation import typed
from moviola.base.layers import settle
from moviola.base.sentences import capitalised
from moviola.base.settings import SWITCH, add_config, add_flags, setting, settings_in
from moviola.base.standard_streams import tell
from moviola.web.settings import WebSettings, users_file
from moviola.web.users import Account, Role, UserRefused, UsersFileError, add_user, read_users, remove_user
from moviola.wire.options import WEB_PORT
from moviola.wire.shown import shown

EXIT_FAILED: Final = 1
USERS_NAME: Final = "users.json"
"""The users file's name in the state folder, where none is named."""

VERBS: Final = ("add", "remove", "list")


@dataclass(frozen=True, slots=True)
class UserSettings:
    """What `moviola web user` can be told."""

    TABLE: ClassVar[str] = "web"

    users: Path | None = users_file("'users.json' in the state folder")
    admin: bool = setting(False, type=SWITCH, help="add: they see and control everybody's jobs", once=True)
    json: bool = setting(False, type=SWITCH, help="list: print one JSON object", once=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say, and return the exit status."""
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = Parser(prog=f"{typed('web')} user", description=summary, epilog=rest, formatter_class=LinesFormatter)
    parser.add_argument("verb", nargs="?", choices=VERBS, default="list", metavar="VERB", help="one of those below")
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="whose jobs theirs are in the cluster")
    add_flags(parser, UserSettings)
    add_config(parser)
    given = parser.parse_args(arguments)
    settle(parser, given, [UserSettings], whole=[WebSettings])
    if given.verb == "list" and given.name:
        parser.error("list takes no name")
    if given.verb != "list" and not given.name:
        parser.error(f"{given.verb} whom? Give a name")
    if given.admin and given.verb != "add":
        parser.error(f"--admin is for add, not for {given.verb}")
    if given.json and given.verb != "list":
        parser.error(f"--json is for list, not for {given.verb}")
    settings = settings_in(UserSettings, given)
    path = settings.users or state_folder() / USERS_NAME
    try:
        if given.verb == "add":
            _add(path, given.name, Role.ADMIN if settings.admin else Role.USER)
        elif given.verb == "remove":
            remove_user(path, given.name)
            _say(f"User {given.name!r} is removed: their token opens nothing any more. Their jobs stay.")
        else:
            _list(path, as_json=settings.json)
    except UserRefused as error:
        return _refuse(error, EXIT_USAGE)
    except UsersFileError as error:
        return _refuse(error, EXIT_FAILED)
    return 0


def _add(path: Path, name: str, role: Role) -> None:
    """Add a user and print the token. The token alone goes to standard output, so that a script can take it."""
    now_unix_s = time.time()  # noqa: TID251 - people are told when somebody was added
    token = add_user(path, name, role, now_unix_s)
    what = "an admin" if role is Role.ADMIN else "a user"
    _say(f"{name!r} is {what} now. This is their token, shown only once:\n")
    tell(token)
    _say(f"\nA gateway that was started with --users {shlex.quote(str(path))} accepts it. Try it there:")
    _say(f"  curl -H 'Authorization: Bearer {token}' http://localhost:{WEB_PORT}/api/jobs")


def _list(path: Path, *, as_json: bool) -> None:
    accounts = list(read_users(path).by_name.values())
    if as_json:
        tell(json.dumps({"users": [_public(account) for account in accounts]}))
        return
    if not accounts:
        _say(f"There is no user in {path} yet; {typed('web')} user add NAME adds one.")
        return
    rows = [("user", "role", "added"), *((shown(one.name), one.role.value, _day(one)) for one in accounts)]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, role, day in rows:
        tell(f"{name:<{widths[0]}}  {role:<{widths[1]}}  {day}")


def _public(account: Account) -> dict[str, object]:
    return {"name": account.name, "role": account.role.value, "added_unix_s": account.added_unix_s}


def _day(account: Account) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(account.added_unix_s)) if account.added_unix_s else ""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _refuse(error: Exception, status: int) -> int:
    text = str(error)
    _say(capitalised(text) + ("" if text.endswith(("?", ".")) else "."))
    return status
