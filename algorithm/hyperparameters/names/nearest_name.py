"""The known name that was meant by another one: by its meaning, else by its letters."""

from __future__ import annotations

import difflib

from algorithm.hyperparameters.names.other_names import by_meaning


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Return the known name most like name, or "" when none is near."""
    matches = difflib.get_close_matches(name, [item for item in known if item], n=1, cutoff=0.6)
    return matches[0] if matches else ""


def did_you_mean(name: str, known: tuple[str, ...]) -> str:
    """Return " Did you mean 'x'?" for the known name nearest to name, or "".

    Meaning comes before letters. A dash before the names stays.
    """
    dashes = "--" if name.startswith("--") else ""
    written, names = name.removeprefix(dashes), tuple(item.removeprefix(dashes) for item in known)
    found = by_meaning(written.lower(), names) or nearest(written, names)
    guess = f"{dashes}{found}" if found else ""
    return f" Did you mean '{guess}'?" if guess else ""
