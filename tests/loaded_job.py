"""What each small job would load or look up for itself; importing this does it once for all forks."""

import gc
from importlib import import_module

from algorithm.export.carried_package import carried_modules

for name in ("jobs.job", "assessment.assessment", "assessment.report.plots"):
    import_module(f"algorithm.{name}")
carried_modules()
gc.collect()
gc.freeze()
gc.set_threshold(100_000, 20, 20)
