"""One test that never ends, for tests/test_lifetime.py to end: with a server and a forked job.

The file named in PROCESSES then holds the ids of all that was started.
"""

import json
import os
import sys
import time
from pathlib import Path


def test_that_never_ends(server, tmp_path):
    (tmp_path / "small_job.py").write_text("import time\n\n\ndef main(*_):\n    time.sleep(600)\n")
    sys.path.insert(0, str(tmp_path))
    import forked_job

    forked_job._FORKS.set_forkserver_preload([])
    with forked_job.SmallJob("", [], os.environ) as job:
        ids = {
            "worker": os.getpid(),
            "server": server._process.pid,
            "forks": forked_job.forkserver._forkserver._forkserver_pid,
            "job": job._process.pid,
        }
        Path(os.environ["PROCESSES"] + ".part").write_text(json.dumps(ids))
        Path(os.environ["PROCESSES"] + ".part").replace(os.environ["PROCESSES"])
        time.sleep(600)
