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
    is done without a cluster of ours (`is_without_cluster`), which needs none."""
    settings = settings_in(ClusterSettings, options)
    if is_without_cluster(options):
        settings = replace(settings, secret_file=None, no_secret=True)
    return settings.target


def is_without_cluster(options: argparse.Namespace) -> bool:
    """Return whether the work is done without a cluster of ours: in this process, or on an engine."""
    return bool(getattr(options, "local", False) or getattr(options, "engine", ""))


def load_plugins(options: argparse.Namespace) -> None:
    """Make the filters of the files of `--plugins` known to this process. Raises UsageError when a file cannot be
    loaded, or when the work is done by a cluster of ours."""
    if not options.plugins:
        return
    if not is_without_cluster(options):
        files = shlex.join(word for path in options.plugins for word in ("--plugins", str(path)))
        raise UsageError(
            "--plugins is for --local and --engine, for code never travels to workers; start them with it: "
            f"{typed('up')} {files}"
        )
    from moviola.filters import registry  # noqa: PLC0415 - numpy and OpenCV

    try:
        for path in dict.fromkeys(path.resolve() for path in options.plugins):
            registry.load_plugin(path)
    except registry.PluginError as error:
        raise UsageError(str(error)) from error
