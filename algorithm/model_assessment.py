"""Boot file of an assessment job: argv -> assessment -> exit code.

    python model_assessment.py --model_url=MODEL_FOLDER --data_url=DATASET --deps_save_path=OUT

It stands here and, exported, in every model folder. There it uses the part of the package in
assessment/algorithm.zip beside it, and needs what assessment/requirements.txt names. It parses on
Python 3.6 and newer, so that an older engine is told what is needed.
"""

import sys
from pathlib import Path

CARRIED = "assessment/algorithm.zip"  # beside the exported script: the package


def main(argv: "list[str]") -> int:
    """Run the assessment that argv describes and return its exit code."""
    from algorithm.cli.verbs.assessment_job import run_assessment

    return run_assessment(argv, __doc__.splitlines()[0])


def find_package() -> None:
    """Let `import algorithm` find the package that goes with this file, whatever else is there."""
    here = Path(__file__).resolve().parent
    carried = (here / CARRIED).is_file()
    sys.dont_write_bytecode |= carried  # the content of a model folder is fixed
    root = here / CARRIED if carried else here.parent
    sys.path[:] = [
        str(root),
        *(entry for entry in sys.path if Path(entry or ".").resolve() != here),
    ]


if __name__ == "__main__":
    find_package()
    from algorithm.cli.python_version import require_python

    require_python()
    from algorithm.cli.native_log import quiet_native_log

    quiet_native_log()
    sys.exit(main(sys.argv[1:]))
