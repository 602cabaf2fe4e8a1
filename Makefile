# The vocabulary of people, hooks and CI alike. Everything runs in .venv, which `make` fills.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# stages, DVC and MLflow start `python` and `dvc` by name
export PATH := $(CURDIR)/$(BIN):$(PATH)
COMPILE := --quiet --upgrade --strip-extras --no-header --no-annotate \
	--no-emit-options --no-emit-find-links --no-emit-index-url \
	--extra workflow --extra media --extra cluster --extra dev
export MLFLOW_DISABLE_TELEMETRY := true
# In the order of tests/order.py, not by size. Workers share the cores: threads that wait for each
# other would take most of the time.
PYTEST := OMP_NUM_THREADS=1 pytest --numprocesses logical --maxprocesses 4 --dist loadgroup --no-loadscope-reorder

.PHONY: help repro test quick long torture coverage mutate check audit fuzz soak soak-page \
	format ui app docs release lock lock-newest pythons clean

help: ## list these commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 13

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ferflow needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

repro: .venv/ready ## run what changed in the pipeline, show the metrics
	ferflow check
	dvc repro
	ferflow track
	ferflow show

test: .venv/ready ## run the tests, name the slowest ten
	$(PYTEST) --durations=10 --durations-min=1

quick: .venv/ready ## the tests that start no process and hardly train, in two minutes
	$(PYTEST) -m quick

long: .venv/ready ## the tests that run whole chains, a minute each
	$(PYTEST) -m long --durations=10

torture: .venv/ready ## kills, parallel runs, full disks (KILLS=20 of each family); an hour
	pytest -s -m slow --kills $(or $(KILLS),20)

coverage: .venv/ready ## branches that the quick tests take; fails below 90 % in claims and metrics
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pytest-cov==7.1.0
	@mkdir -p .ferflow
	$(PYTEST) -m quick --cov --cov-report=term-missing:skip-covered
	coverage report --fail-under=90 --format=total --include='ferflow/claims/*'
	coverage report --fail-under=90 --format=total --include='ferflow/evaluation/metrics.py'

mutate: .venv/ready ## small changes to claims and metrics that no test notices (ONLY='ferflow.claims.*')
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check mutmut==3.8.1
	OMP_NUM_THREADS=1 mutmut run $(ONLY)
	mutmut results

soak: .venv/ready ## many runs in one clone: memory, disk, `ferflow clean` (RUNS=50)
	$(BIN)/python tests/soak.py --runs $(or $(RUNS),50)

soak-page: .venv/ready ## many pictures for the page of `make app` (MINUTES=10, RATE=300 pictures a minute)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-app.lock
	$(BIN)/python tests/soak_page.py --minutes $(or $(MINUTES),10) --rate $(or $(RATE),300)

check: .venv/ready ## lint, formatting, types, imports, known vulnerabilities of the packages
	ruff check
	ruff format --check
	mypy
	lint-imports --no-cache
	@$(MAKE) --no-print-directory audit

audit: .venv/ready ## look for known vulnerabilities of the pinned packages, if a network is there
	-@$(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 0 pip-audit==2.10.1
	@$(BIN)/python tests/advisories.py

fuzz: .venv/ready ## give random and mutated files to every reader (MINUTES=60)
	$(BIN)/python tests/fuzz.py --minutes $(or $(MINUTES),60)

format: .venv/ready ## format the code
	ruff format
	ruff check --fix

ui: .venv/ready ## show the runs in MLflow on http://127.0.0.1:5000
	-ferflow track
	@echo "open http://127.0.0.1:$(or $(PORT),5000)$$(ferflow store --page)"
	@set -m; MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false PYTHONWARNINGS=ignore \
		mlflow ui --host 127.0.0.1 --port $(or $(PORT),5000) --workers 1 \
		--uvicorn-opts "--log-level warning" --backend-store-uri "$$(ferflow store)" & \
		trap "kill $$!" INT TERM HUP; wait # Ctrl-C itself makes it print a traceback

app: .venv/ready ## a page that reads faces, on http://127.0.0.1:7860 (MODEL=FOLDER, PORT=)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-app.lock
	ferflow app $(if $(MODEL),--model $(MODEL)) --port $(or $(PORT),7860)

docs: .venv/ready ## build the documentation in docs/_build/html (LINKS=1 looks every link up)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.lock
	codespell README.md CONTRIBUTING.md docs examples ferflow presets stages
	sphinx-build --fail-on-warning --keep-going --nitpicky --quiet docs docs/_build/html
	$(if $(LINKS),sphinx-build --builder linkcheck --quiet docs docs/_build/links)
	@echo "open docs/_build/html/index.html"

release: ## build the wheel and the sdist in dist/ and check them
	rm -rf build dist
	$(PYTHON) -m venv .ferflow/release
	.ferflow/release/bin/python -m pip install --quiet --disable-pip-version-check \
		build==1.6.1 check-wheel-contents==0.6.3 twine==7.0.0
	.ferflow/release/bin/python -m build
	.ferflow/release/bin/twine check --strict dist/*
	.ferflow/release/bin/check-wheel-contents dist/*.whl

lock: .venv/ready ## pin the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet pip-tools
	pip-compile $(COMPILE) --extra app --extra docs --extra fast -o requirements-all.lock pyproject.toml
	pip-compile $(COMPILE) --extra app -c requirements-all.lock -o requirements-app.lock pyproject.toml
	pip-compile $(COMPILE) --extra docs -c requirements-all.lock -o requirements-docs.lock pyproject.toml
	pip-compile $(COMPILE) -c requirements-all.lock -o requirements.lock pyproject.toml
	sed -i 's/+cpu$$//' requirements*.lock # PyPI's torch has no such suffix

lock-newest: .venv/ready ## run the chain and the tests on those, in another clone
	@$(BIN)/python -m pip install --quiet pip-tools
	rm -rf .ferflow/newest
	git clone --quiet . .ferflow/newest
	cd .ferflow/newest && pip-compile $(COMPILE) -o requirements.lock pyproject.toml
	sed -i 's/+cpu$$//' .ferflow/newest/requirements.lock
	$(MAKE) -C .ferflow/newest repro
	cd .ferflow/newest && .venv/bin/python -m tests.newest
	$(MAKE) -C .ferflow/newest test

pythons: .venv/ready ## wheels of all packages for every Python; the light installation on those that are here
	tests/pythons.sh

clean: ## delete .venv, checkpoints and temporary files; the DVC cache and MLflow's runs stay
	rm -rf .venv .ferflow .pytest_cache .mypy_cache .ruff_cache build dist dvc_plots mutants *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
