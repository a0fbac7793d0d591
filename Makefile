# Every habit of this project has a name here. Works with GNU make 3.81 (macOS) and newer.

HOST ?=
PORT ?=
ARGS ?=

BIN := .venv/bin
PY  := $(BIN)/python

.DEFAULT_GOAL := help
.PHONY: help install run demo test check format bench bench-start bench-soak house-model docs wheel lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n  HOST=, PORT= and MAJORDOMO_HOME choose where; ARGS= is passed on by run and test.\n'

install: ## Make .venv and the majordomo command in it
	@sh scripts/bootstrap.sh run

run: install ## Serve: detect models, write majordomo.yaml if there is none, start
	@$(BIN)/majordomo up $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(ARGS)

demo: dev ## Four compressed weeks, with a night of training after each (SEED=n SHORT=1 OPEN=0)
	@$(PY) -m scripts.demo $(if $(SEED),--seed $(SEED)) $(if $(filter 1,$(SHORT)),--short) \
		$(if $(filter 0,$(OPEN)),--no-open)

# what development needs on top of `install`
.PHONY: dev
dev:
	@sh scripts/bootstrap.sh dev

test: dev ## Run the tests: the quick ones and training on all cores, the rest one by one
	@sh scripts/test.sh $(ARGS)

check: dev ## Lint, formatting, types, import arrows
	@failed=; \
	$(BIN)/ruff check . || failed=1; \
	$(BIN)/ruff format --check . || failed=1; \
	$(BIN)/basedpyright || failed=1; \
	$(BIN)/lint-imports --no-logo || failed=1; \
	test -z "$$failed"

format: dev ## Mend formatting and what the linter can mend
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .

bench: dev ## Measure against direct, nginx and LiteLLM (Linux, gcc; about six minutes)
	@$(PY) -m bench.run $(ARGS)

bench-start: dev ## Measure start to first byte, and memory at rest
	@$(PY) -m bench.start $(ARGS)

bench-soak: dev ## Measure memory over a million requests (ARGS="--requests N" for fewer)
	@$(PY) -m bench.soak $(ARGS)

house-model: ## Train the house model anew, into build/house-model (up to an hour)
	@sh scripts/bootstrap.sh train
	@$(PY) -m trainer.house --out build/house-model $(ARGS)

docs: dev ## Write the generated parts of docs/ anew
	@$(PY) scripts/ownership.py

wheel: dev ## Build the wheel into dist/
	@$(BIN)/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir dist .

UV_COMPILE = .bench/uv/bin/uv pip compile pyproject.toml --quiet --group build --universal \
	--generate-hashes --no-header --python-version 3.11
lock: ## Lock the requirements anew, with hashes (ARGS="--upgrade" for newer versions)
	@test -x .bench/uv/bin/uv || { python3 -m venv .bench/uv && .bench/uv/bin/pip install -q uv; }
	@$(UV_COMPILE) $(ARGS) -o requirements.txt
	@$(UV_COMPILE) $(ARGS) --group dev -c requirements.txt -o requirements-dev.txt

clean: ## Remove the environment and everything built
	rm -rf .venv .bench bench-out build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
