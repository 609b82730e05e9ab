"""Boot file of an assessment job: argv -> assessment -> exit code. Stands here and, exported, in every model folder.

    python model_assessment.py --model_url=MODEL_FOLDER --data_url=MANIFEST_OR_FOLDER --deps_save_path=OUT

In a model folder it uses the part of the package in assessment/ beside it, and needs what assessment/requirements.txt names.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

CARRIED = "assessment"  # folder beside the exported script that holds the package


def main(argv: Sequence[str]) -> int:
    """Run the assessment that argv describes and return its exit code."""
    from algorithm.assessment.options import add_options, options_of
    from algorithm.cli import exit_codes

    parser = argparse.ArgumentParser(
        "model_assessment.py", description=__doc__.splitlines()[0], allow_abbrev=False
    )
    add_options(parser)
    arguments, others = parser.parse_known_args(argv)
    # TensorFlow looks at its own level when it is imported, so this comes first.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("algorithm").setLevel(logging.INFO)

    def command() -> None:
        options = options_of(arguments, others)
        from algorithm.assessment.assess import (
            assess,  # only now: a wrong argument is refused without waiting
        )

        print(assess(options))

    return exit_codes.exit_code_of(command)


def find_package() -> None:
    """Let `import algorithm` find the package that goes with this file, whatever else is on the path."""
    here = Path(__file__).resolve().parent
    carried = (here / CARRIED / "algorithm" / "errors.py").is_file()
    sys.dont_write_bytecode |= carried  # the content of a model folder is fixed
    root = here / CARRIED if carried else here.parent
    sys.path[:] = [
        str(root),
        *(entry for entry in sys.path if Path(entry or ".").resolve() != here),
    ]


if __name__ == "__main__":
    find_package()
    sys.exit(main(sys.argv[1:]))
