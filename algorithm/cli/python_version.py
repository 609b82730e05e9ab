"""Whether this Python can run the package. Parses on Python 3.6 and newer, as the doors do."""

import sys

OLDEST, NEWEST = (3, 11), (3, 13)  # tests/cli/test_doors.py compares them with pyproject.toml


def require_python() -> None:
    """Exit with code 2 and one line on stderr where this Python is older or newer than needed."""
    found = sys.version_info[:2]
    if OLDEST <= found <= NEWEST:
        return
    oldest, newest, this = (".".join(map(str, version)) for version in (OLDEST, NEWEST, found))
    print(
        f"ERROR ARGUMENT: needs Python {oldest} to {newest}, found {this}: "
        "use the image (docker/training.Dockerfile)",
        file=sys.stderr,
    )
    sys.exit(2)
