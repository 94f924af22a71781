# What a newcomer needs: `make run` and `make test`. Both prepare all that they use.

PYTHON ?= python3
RUN := .venv/run
DEV := .venv/dev
ARGS ?=
N ?= 200

.DEFAULT_GOAL := help
.PHONY: help run test container-test faults lint format lock lock-check servers wheel clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(RUN)/ready ## wait for the database, migrate it, serve the plants on http://127.0.0.1:8000
	@exec $(RUN)/bin/orchestrator serve

test: $(DEV)/ready servers ## every test, on real databases; ARGS="-k lock" for some
	@$(DEV)/bin/python -m pytest $(ARGS)

container-test: $(DEV)/ready servers ## build the image and run it as ECS does; needs docker with python:3.13-slim, or ../shared
	@$(DEV)/bin/python -m pytest tests/container $(ARGS)

servers: $(DEV)/ready ## install what the tests start: MariaDB, PostgreSQL, Chromium
	@tests/servers/install

faults: $(DEV)/ready servers ## faults drawn by lot; N=200 for so many runs, SEED=1234 to repeat
	@ORCHESTRATOR_FAULTS_RUNS=$(N) ORCHESTRATOR_FAULTS_SEED=$(SEED) \
		$(DEV)/bin/python -m pytest tests/faults/test_faults.py $(ARGS)

lint: $(DEV)/ready ## every check that runs no test
	@$(DEV)/bin/ruff format --check .
	@$(DEV)/bin/ruff check .
	@$(DEV)/bin/mypy
	@$(DEV)/bin/lint-imports
	@$(DEV)/bin/actionlint
	@$(DEV)/bin/zizmor --offline --quiet .github
	@$(DEV)/bin/shellcheck .ci/run tests/servers/install
	@$(DEV)/bin/hadolint Dockerfile
	@$(DEV)/bin/cfn-lint --append-rules tests/cloudwatch/rules -- deploy/*.yaml

format: $(DEV)/ready ## put the code in order
	@$(DEV)/bin/ruff format .
	@$(DEV)/bin/ruff check --fix .

# The lock files carry hashes and no address of an index; any index that holds these files will do.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" --group pyproject.toml:$(1) pyproject.toml --output-file $(2)

lock: $(DEV)/ready ## resolve the dependencies again; UPGRADE=--upgrade for newer ones
	@$(DEV)/bin/$(call LOCK,run,requirements/run.lock) $(UPGRADE)
	@$(DEV)/bin/$(call LOCK,run-aws,requirements/run-aws.lock) $(UPGRADE)
	@$(DEV)/bin/$(call LOCK,dev,requirements/dev.lock) $(UPGRADE)

lock-check: $(DEV)/ready ## do the lock files still fit pyproject.toml?
	@for name in run run-aws dev; do \
		cp requirements/$$name.lock .venv/$$name.lock && \
		$(DEV)/bin/$(call LOCK,$$name,.venv/$$name.lock) && \
		diff -u requirements/$$name.lock .venv/$$name.lock || \
		{ echo "requirements/$$name.lock does not fit pyproject.toml: run 'make lock'" >&2; exit 1; }; \
	done

wheel: $(DEV)/ready ## build the wheel into dist/
	@$(DEV)/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean: ## forget the environments and caches
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache dist

.venv/%/ready: requirements/%.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is too old: Python 3.11 or later is needed (make PYTHON=python3.13 ...)" >&2; exit 1; }
	@echo "preparing $(@D)" >&2
	@$(PYTHON) -m venv --clear $(@D) || \
		{ echo "no virtual environment could be made (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@
