"""Where the cluster is: how all client programs read their command line, and what it leads to."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace

from moviola.base import command_line
from moviola.base.invocation import typed
from moviola.base.layers import settle
from moviola.base.settings import add_config, add_flags, settings_in
from moviola.session.cluster_settings import ClientSettings, ClusterSettings
from moviola.session.presets import PRESETS
from moviola.session.target import Target, UsageError


class Parser(command_line.Parser):
    """A parser whose settings may also stand in the table `[client]` of a configuration file.

    Attributes:
        whole: dataclasses of further keys that the tables of a file may have: settings of other programs.
    """

    whole: tuple[type, ...] = (ClientSettings,)

    def add(self, *declared: type) -> None:
        """Take the flags of these dataclasses of settings, in this order, and `--config`."""
        self._declared = declared
        for each in declared:
            add_flags(self, each)
        add_config(self)

    def read(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """Return the command line with the values of all settings. What is wrong ends the process with status 2."""
        given = self.parse_args(arguments)
        self.settle(given)
        return given

    def settle(self, given: argparse.Namespace) -> None:
        """Set in parsed arguments what they do not say. What is wrong ends the process with status 2."""
        settle(self, given, self._declared, whole=self.whole, presets=PRESETS)


def read_target(options: argparse.Namespace) -> Target:
    """Return what the settings of a command line lead to. Raises UsageError when the secret cannot be read, unless all
    is done in this process (`--local`), which needs none."""
    settings = settings_in(ClusterSettings, options)
    if getattr(options, "local", False):
        settings = replace(settings, secret_file=None, no_secret=True)
    return settings.target


def load_plugins(options: argparse.Namespace) -> None:
    """Make the filters of the files of `--plugins` known to this process. Raises UsageError when a file cannot be
    loaded, or when the work is not done in this process (`--local`)."""
    if not options.plugins:
        return
    if not options.local:
        files = shlex.join(word for path in options.plugins for word in ("--plugins", str(path)))
        raise UsageError(
            f"--plugins is for --local, for code never travels; start workers with it: {typed('up')} {files}"
        )
    from moviola.filters import registry  # noqa: PLC0415 - numpy and OpenCV

    try:
        for path in dict.fromkeys(path.resolve() for path in options.plugins):
            registry.load_plugin(path)
    except registry.PluginError as error:
        raise UsageError(str(error)) from error
