"""The parser of the verbs: what it cannot read it refuses with the nearest name, by meaning too."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from algorithm.errors import ArgumentError
from algorithm.hyperparameters.names.nearest_name import did_you_mean, nearest

# Words of other systems, and what does the same here.
_OTHER_VERBS = {
    **dict.fromkeys(("val", "validate", "eval", "test", "score"), "evaluate"),
    **dict.fromkeys(("detect", "infer", "inference", "run"), "predict"),
    **dict.fromkeys(("deploy", "server", "http"), "serve"),
    **dict.fromkeys(("fit", "finetune", "tune"), "train"),
    **dict.fromkeys(("hyperparameters", "params", "flags", "config"), "describe"),
    **dict.fromkeys(("info", "stats", "inspect-data"), "data check"),
    **dict.fromkeys(("download", "pull"), "weights fetch"),
    **dict.fromkeys(("models", "zoo"), "weights list"),
    **dict.fromkeys(("analyze", "analyse", "report"), "assess"),
    **dict.fromkeys(("bench",), "benchmark"),
    **dict.fromkeys(("help",), "--help"),
    **dict.fromkeys(("version",), "--version"),
}


# The flags that a word without one may mean, the likeliest first.
_PLACES = ("--data_url", "--images", "--model", "--model_dir", "--output", "--root")
_MODEL_FILES = ("index", "saved_model.pb")  # one of them lies in a model folder


class PersonParser(argparse.ArgumentParser):
    """An argument parser whose complaints are ArgumentErrors."""

    _words: Sequence[str] = ()

    def parse_known_args(self, args=None, namespace=None):
        """Parse as argparse does, and remember the words for what error() says."""
        self._words = args or ()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Refuse a command line. A flag that does not exist counts before one that is missing.

        Raises:
            ArgumentError: Always.
        """
        names = [word.partition("=")[0] for word in self._words]
        if "arguments are required" in message:
            for word, name in zip(self._words, names, strict=True):
                if name.startswith("--") and not any(
                    flag.startswith(name) for flag in self._option_string_actions
                ):
                    self.refuse([word])
            self._refuse_bare_words()
        raise ArgumentError(f"{self.prog}: {_with_choice(message)}")

    def _refuse_bare_words(self) -> None:
        """Refuse words without a flag, with the command line that they may mean.

        Raises:
            ArgumentError: There are such words.
        """
        bare, given = self._bare_words(), self._given_flags()
        if not bare:
            return
        actions = self._option_string_actions
        written: dict[str, str] = {}
        for word in bare:
            if f"--{word.partition('=')[0]}" in actions:
                written[word] = f"--{shlex.quote(word)}"
                given.add(actions[f"--{word.partition('=')[0]}"].dest)
                continue
            free = [flag for flag in _PLACES if flag in actions and actions[flag].dest not in given]
            free.sort(key=lambda flag: not actions[flag].required)
            models = [flag for flag in free if flag.startswith("--model")]
            flag = next(iter(models if models and _is_model(word) else free), None)
            if flag is not None:
                given.add(actions[flag].dest)
                written[word] = f"{flag}={shlex.quote(word)}"
        words = [written.pop(word, shlex.quote(word)) for word in self._words]
        lacking = [
            f"{action.option_strings[0]}={action.dest.upper()}"
            for action in self._actions
            if action.required and action.option_strings and action.dest not in given
        ]
        raise ArgumentError(
            f"{self.prog}: found '{bare[0]}' without a flag before it. Write: "
            f"{' '.join((self.prog, *words, *lacking))}"
        )

    def _given_flags(self) -> set[str]:
        """The names of the flags that were written, as argparse calls them."""
        names = (word.partition("=")[0] for word in self._words)
        actions = self._option_string_actions
        return {actions[name].dest for name in names if name in actions}

    def _bare_words(self) -> list[str]:
        """The words that are neither flags nor their values."""
        bare, follows = [], False
        for word in self._words:
            action = self._option_string_actions.get(word)
            if not follows and not word.startswith("-"):
                bare.append(word)
            follows = action is not None and action.nargs != 0
        return bare

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Refuse words that are left over, with the flag that the first one may mean.

        Raises:
            ArgumentError: Always.
        """
        if not words[0].startswith("-") and "=" not in words[0]:
            self._refuse_bare_words()
        name, equals, text = words[0].lstrip("-").partition("=")
        flags = tuple(flag for flag in self._option_string_actions if flag.startswith("--"))
        if not words[0].startswith("-") and f"--{name}" in flags:
            raise ArgumentError(f"{self.prog}: found '{words[0]}'. Write --{words[0]}")
        advice = did_you_mean(f"--{name}", flags)
        value = f" (value '{text}')" if equals else ""
        raise ArgumentError(
            f"{self.prog}: no such flag '{words[0].partition('=')[0]}'{value}.{advice} "
            f"Its flags: {', '.join(flag for flag in flags if flag != '--help') or 'none'}"
        )


def _is_model(word: str) -> bool:
    return any((Path(word) / name).is_file() for name in _MODEL_FILES)


def refuse_unknown_verb(argv: Sequence[str], verbs: Mapping[str, Sequence[str]]) -> None:
    """Refuse a first word that is no verb, or a second one that is none of its group.

    Args:
        argv: The command line.
        verbs: Each verb with those of its group; none for a verb that is no group.

    Raises:
        ArgumentError: There is no such verb; the nearest is named.
    """
    if not argv or argv[0].startswith("-"):
        return
    first, second = argv[0], argv[1] if len(argv) > 1 else ""
    inner = verbs.get(first)
    if inner is None:
        found, known = first, tuple(verbs)
    elif inner and second and not second.startswith("-") and second not in inner:
        found, known = f"{first} {second}", tuple(f"{first} {name}" for name in inner)
    elif inner and not second:
        raise ArgumentError(
            f"{first}: expected a verb, found none. "
            f"Verbs: {', '.join(f'{first} {name}' for name in inner)}"
        )
    else:
        return
    guess = _nearest_verb(found, verbs)
    advice = f" Did you mean '{guess}'?" if guess else ""
    raise ArgumentError(f"no such verb '{found}'.{advice} Verbs: {', '.join(known)}")


def _nearest_verb(found: str, verbs: Mapping[str, Sequence[str]]) -> str:
    whole = {f"{group} {name}": name for group, inner in verbs.items() for name in inner}
    by_letters = nearest(found, (*verbs, *whole))
    if found in _OTHER_VERBS:
        return _OTHER_VERBS[found]
    inner = nearest(found, tuple(whole.values()))
    return by_letters or next((name for name, last in whole.items() if last == inner), "")


def _with_choice(message: str) -> str:
    """Add the nearest choice to what argparse says of a wrong one."""
    found = re.search(r"invalid choice: '?([^' ]*)'? \(choose from (.*)\)", message)
    if not found:
        return message
    choices = tuple(choice.strip(" '") for choice in found[2].split(","))
    return message + "." + did_you_mean(found[1], choices)
