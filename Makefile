# What a newcomer needs: `make run` and `make test`. Both prepare all that they use.

PYTHON ?= python3
RUN := .venv/run
DEV := .venv/dev
UV := .venv/uv/bin/uv
ARGS ?=
N ?= 200
MINUTES ?= 10
WORKERS ?= 8

.DEFAULT_GOAL := help
.PHONY: help run test bench compat soak container-test faults lint format docs mutants lock lock-check servers wheel clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(RUN)/ready ## wait for the database, migrate it, serve the plants on http://127.0.0.1:8000
	@ORCHESTRATOR_EMBEDDED_DATABASE=$${ORCHESTRATOR_EMBEDDED_DATABASE-allow} exec $(RUN)/bin/orchestrator serve

# Tests wait more than they compute, so there are more workers than cores. Their order is drawn by lot; the seed is printed.
# Each worker imports every test: they write bytecode, whatever the environment says, and the next run starts in half the time.
test soak container-test faults: export PYTHONDONTWRITEBYTECODE =
PARALLEL = --numprocesses=$(WORKERS) --dist=worksteal -p randomly --randomly-dont-reset-seed

test: $(DEV)/ready servers ## every test, on real databases; ARGS="-k lock" for some, WORKERS=0 for one after the other
	@$(DEV)/bin/python -m pytest $(PARALLEL) $(ARGS)

soak: $(DEV)/ready servers ## the random and long tests, with new seeds; MINUTES=10 for so long, SEED=1234 to repeat
	@$(DEV)/bin/python -m tests.soak $(MINUTES) $(SEED)

container-test: $(DEV)/ready servers ## build the image and run it as ECS does; needs docker with python:3.13-slim, or ../shared
	@$(DEV)/bin/python -m pytest tests/container --tier=all $(ARGS)

bench: $(DEV)/ready servers ## measure it beside startup.sh and uvicorn alone, on a quiet machine; ARGS="--rows 1,3 --rounds 5" for some
	@$(DEV)/bin/python -m benchmarks $(ARGS)

compat: $(DEV)/ready servers ## tests beside other versions of the libraries; ONLY="alembic uvicorn==0.30.6" for some
	@$(DEV)/bin/python -m tests.compat $(ONLY)

servers: $(DEV)/ready ## install what the tests start: MariaDB, PostgreSQL, Chromium
	@tests/servers/install

faults: $(DEV)/ready servers ## faults drawn by lot; N=200 for so many runs, SEED=1234 to repeat
	@ORCHESTRATOR_FAULTS_RUNS=$(N) ORCHESTRATOR_FAULTS_SEED=$(SEED) \
		$(DEV)/bin/python -m pytest --tier=soak --numprocesses=$(WORKERS) tests/faults/test_faults.py $(ARGS)

mutants: $(DEV)/ready ## break the rooms that need no database in small ways, and list what no test notices; ROOM=redaction
	@$(INDEX) $(UV) pip install --quiet --python $(DEV) 'mutmut>=3.8,<4'
	@nice -n 19 $(DEV)/bin/mutmut run --max-children 1 $(if $(ROOM),'*.$(ROOM).*'); $(DEV)/bin/mutmut results | grep -v 'not checked'

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

format: $(DEV)/ready ## put the code in order, and the map in CONTRIBUTING.md
	@$(DEV)/bin/ruff format .
	@$(DEV)/bin/ruff check --fix .
	@$(DEV)/bin/python -m tests.unit.package_map

# The site's sources are links to the pages of the repository, so that relative links are the same in both.
docs: .venv/docs/ready ## build the documentation as a site into dist/site; ARGS="serve" to read it while you write
	@mkdir -p dist/pages && ln -sfn $(foreach page,README.md CHANGELOG.md CONTRIBUTING.md docs deploy,$(CURDIR)/$(page)) dist/pages/
	@NO_MKDOCS_2_WARNING=1 .venv/docs/bin/mkdocs $(if $(ARGS),$(ARGS),build)

# The lock files carry hashes and no address of an index; any index that holds these files will do. They keep extras
# (`coverage[toml]`), and list all that is installed, so that nothing is resolved where they are installed.
LOCK = $(INDEX) $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-annotate \
	--custom-compile-command "make lock" --group pyproject.toml:$(1) $(if $(EXTRAS_$(1)),$(EXTRAS_$(1)) pyproject.toml) \
	--output-file $(2)
LOCKS := uv run run-aws dev docs
EXTRAS_run := --extra standard --extra mysql --extra postgresql --extra sqlite
EXTRAS_run-aws := $(EXTRAS_run) --extra aws
EXTRAS_dev := --all-extras

lock: $(UV) ## resolve the dependencies again; UPGRADE=--upgrade for newer ones
	@$(foreach name,$(LOCKS),$(call LOCK,$(name),requirements/$(name).lock) $(UPGRADE) &&) true

lock-check: $(UV) ## do the lock files still fit pyproject.toml?
	@$(foreach name,$(LOCKS),cp requirements/$(name).lock .venv/$(name).lock && \
		$(call LOCK,$(name),.venv/$(name).lock) && \
		diff -u requirements/$(name).lock .venv/$(name).lock || \
		{ echo "requirements/$(name).lock does not fit pyproject.toml: run 'make lock'" >&2; exit 1; };)

wheel: $(UV) ## build the wheel into dist/
	@$(INDEX) $(UV) build --quiet --wheel --out-dir dist

clean: ## forget the environments and caches
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache dist

.venv/%/ready: requirements/%.lock pyproject.toml $(UV)
	@echo "Preparing $(@D) from $<" >&2
	@$(UV) venv --quiet --clear --no-project --python $(PYTHON) $(@D)
	@$(INDEX) $(UV) pip sync --quiet --require-hashes --python $(@D) $<
	@$(UV) pip install --quiet --offline --no-deps --no-build-isolation --python $(@D) --editable .
	@$(UV) pip check --quiet --python $(@D)
	@touch $@

.venv/docs/ready: requirements/docs.lock $(UV)
	@echo "Preparing $(@D) from $<" >&2
	@$(UV) venv --quiet --clear --no-project --python $(PYTHON) $(@D)
	@$(INDEX) $(UV) pip sync --quiet --require-hashes --python $(@D) $<
	@touch $@

# uv reads no pip.conf: an index that is configured for pip is passed on.
INDEX = UV_DEFAULT_INDEX=$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$(.venv/uv/bin/python -m pip config get global.index-url 2>/dev/null)}}

$(UV): requirements/uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is too old: Python 3.11 or later is needed (make PYTHON=python3.13 ...)" >&2; exit 1; }
	@echo "Preparing uv, which installs everything else" >&2
	@$(PYTHON) -m venv --clear .venv/uv >/dev/null 2>&1 || python3 -m venv --clear .venv/uv || \
		{ echo "no virtual environment could be made (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@.venv/uv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@
