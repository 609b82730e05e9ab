"""A verb of the command line: its name, its flags, and what it does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """One command.

    Attributes:
        name: the word that is typed.
        summary: one line of help.
        add_flags: adds the command's flags to its parser.
        run: does what the parsed flags ask; returns an exit code, None for 0. It imports what it
            needs, so that a verb waits only for its own packages.
    """

    name: str
    summary: str
    add_flags: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]

    def add_to(self, verbs: argparse._SubParsersAction) -> None:
        """Add the command to the verbs of a parser."""
        parser = verbs.add_parser(self.name, help=self.summary, description=self.summary)
        self.add_flags(parser)
        parser.set_defaults(command=self.run, parser=parser)


@dataclass(frozen=True)
class VerbGroup:
    """Commands that share their first word, such as `data check` and `data clean`."""

    name: str
    summary: str
    verbs: tuple[Verb, ...]

    def add_to(self, verbs: argparse._SubParsersAction) -> None:
        """Add the group with all its commands to the verbs of a parser."""
        parser = verbs.add_parser(self.name, help=self.summary, description=self.summary)
        kinds = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
        for verb in self.verbs:
            verb.add_to(kinds)
