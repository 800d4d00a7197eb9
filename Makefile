# make run    sets up and runs the whole runbook on this machine, without an AWS account
# make lab    opens the notebooks in JupyterLab, with the embedded AWS up
# make test   installs what the tests need beside Python (tests/programs.txt) where it may, sets up and runs every check;
#             the coverage of the library may not fall
# make test-all   the same, with the tests that leave nothing out and so take long (marked `exhaustive`), and a sample of
#             wrong lines that the tests have to notice (tests/mutants/)
# make fleet-test   runs wave plans on a real Airflow, in .venv-airflow/; part of make test-all
# make setup  sets up .venv/ with the runbook command for real environments, without the embedded AWS
# make clean  ends the embedded AWS and removes what the others made, but not artifacts/, nor the key that signed it

# The first Python that will do; say `make PYTHON=/path/to/python …` to choose another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)

INSTALL = install --quiet --disable-pip-version-check --require-hashes --requirement
OURS = install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
EMBEDDED = --editable ./embedded-aws
ASIDE = build/notebooks
# The sample application; webapp/ may hold any other, which has checks of its own.
SAMPLE = $(wildcard webapp/shiftlog webapp/shiftlog_tests)
PACKAGES = pyproject.toml embedded-aws/pyproject.toml

.PHONY: run lab test test-all fleet-test setup clean programs
.NOTPARALLEL:
# Hundreds of processes that the tests start would each compile the same modules.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := run

run: .venv/run.stamp
	.venv/bin/runbook apply --env local
	.venv/bin/runbook local status

setup: .venv/setup.stamp

lab: .venv-lab/lab.stamp
	.venv-lab/bin/runbook local up
	JUPYTER_CONFIG_PATH="$$PWD/jupyter" .venv-lab/bin/jupyter lab

test-all: .venv-airflow/airflow.stamp

test test-all: programs .venv/test.stamp
	@# The types on one core, all else on another. At the end pytest compiles the tests, once for all its workers.
	.venv/bin/mypy & types=$$!; set -x; \
	.venv/bin/ruff check . $(SAMPLE) && .venv/bin/ruff format --check . $(SAMPLE) && .venv/bin/lint-imports && \
	.venv/bin/vulture && .venv/bin/vulture --min-confidence 80 embedded-aws/embedded_aws && \
	.venv/bin/deptry runbook_lib && ( cd embedded-aws && ../.venv/bin/deptry embedded_aws ) && \
	.venv/bin/bandit --quiet --configfile pyproject.toml --recursive runbook_lib embedded-aws/embedded_aws fleet && \
	.venv/bin/codespell && \
	PATH="$$PWD/.venv/bin:$$PATH" .venv/bin/pyroma --min 10 . && .venv/bin/pyroma --min 10 embedded-aws && \
	{ .venv/bin/python -m pytest --collect-only -qq > /dev/null; wait $$types; }
	rm -rf build/coverage
	PYTEST_PLUGINS=tests.measure .venv/bin/python -m pytest \
	$(if $(filter test,$@),-m "not exhaustive") --numprocesses 3 --dist loadfile \
	--no-loadscope-reorder --durations 10
	.venv/bin/python -m tests.unreached
	@# The notebooks as they stand, in plan mode, beside whatever environment is being rehearsed here.
	test ! -d $(ASIDE) || RUNBOOK_ROOT="$$PWD/$(ASIDE)" .venv/bin/runbook local down --forget
	rm -rf $(ASIDE) && mkdir -p $(ASIDE) && cp -R params $(ASIDE)/
	export RUNBOOK_ROOT="$$PWD/$(ASIDE)"; trap '.venv/bin/runbook local down --forget' EXIT; trap 'exit 130' INT TERM; \
	.venv/bin/pytest --nbval-lax notebooks --numprocesses 2 --dist loadfile; exit $$?
	$(if $(filter test-all,$@),.venv/bin/python -m tests.mutants)

fleet-test: .venv/test.stamp .venv-airflow/airflow.stamp
	.venv/bin/python -m pytest tests/fleet

programs:
	@PYTHON='$(PYTHON)' tests/install_programs.sh

clean:
	-for stamp in .venv/run.stamp .venv-lab/lab.stamp; do \
	test ! -f $$stamp || $${stamp%/*}/bin/runbook local down --forget; done
	rm -rf .venv .venv-lab .venv-airflow build *.egg-info embedded-aws/build embedded-aws/*.egg-info .pytest_cache .mypy_cache .ruff_cache
	test ! -d .runbook || find .runbook -mindepth 1 -maxdepth 1 ! -name keys -exec rm -rf {} +

.venv/setup.stamp: pyproject.toml requirements/run.txt
	@echo "Installing the runbook and its Python packages into .venv/ (once, up to a minute) …"
	$(call venv,.venv)
	.venv/bin/pip $(INSTALL) requirements/run.txt
	.venv/bin/pip $(OURS)
	touch $@

.venv/run.stamp: $(PACKAGES) requirements/embedded.txt
	@echo "Installing the runbook, the embedded AWS and their Python packages into .venv/ (once, up to a minute) …"
	$(call venv,.venv)
	.venv/bin/pip $(INSTALL) requirements/embedded.txt
	.venv/bin/pip $(OURS) $(EMBEDDED)
	touch $@

.venv/test.stamp: .venv/run.stamp requirements/test.txt
	@echo "Installing what the tests need into .venv/ (once) …"
	.venv/bin/pip $(INSTALL) requirements/test.txt
	@# Once more: Playwright is there now, and fetches a browser where no package has one.
	@tests/install_programs.sh
	touch $@

.venv-lab/lab.stamp: $(PACKAGES) requirements/lab.txt
	@echo "Installing JupyterLab, the runbook and the embedded AWS into .venv-lab/ (once, a minute or two) …"
	$(call venv,.venv-lab)
	.venv-lab/bin/pip $(INSTALL) requirements/lab.txt
	.venv-lab/bin/pip $(OURS) $(EMBEDDED)
	touch $@

.venv-airflow/airflow.stamp: $(PACKAGES) requirements/airflow.txt
	@echo "Installing Airflow, the runbook and the embedded AWS into .venv-airflow/ (once, a minute or two) …"
	$(call venv,.venv-airflow)
	@# The lock is complete; pip 23.2 would look for fastapi beside its pinned fastapi[…].
	.venv-airflow/bin/pip $(INSTALL) requirements/airflow.txt --no-deps
	.venv-airflow/bin/pip $(OURS) $(EMBEDDED)
	touch $@

define venv
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with its venv module is needed, and none was found."; \
	echo "Debian, Ubuntu: apt-get install python3-venv; macOS: brew install python"; exit 1; }
	test -x $(1)/bin/pip || $(PYTHON) -m venv $(1)
endef
