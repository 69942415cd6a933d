# `make` alone lists the targets. scripts/env.sh keeps the environments; it returns at once when
# nothing has changed.
#
#   HOST, SIP_PORT     where `make run` listens             PYTHON            the Python to use
#   PJPROJECT_SOURCE   pjproject's tarball, if not Debian's SIPUA_CACHE       folder for builds
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
# Compiled modules are kept: without them each worker of the tests compiles every test again (7 s of
# the processor), and each edge that they start compiles the product (0.2 s).
unexport PYTHONDONTWRITEBYTECODE

# numpy's threads, one for each core, wait for each other by turning in circles: with as many workers
# as cores that is the processor of the others (test_fir.py 4.5 s of it instead of 1.5).
test unit: export OPENBLAS_NUM_THREADS := 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s  %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: ## set up what is needed and start the edge with the local agent
	@scripts/env.sh .venv run best
	@# Its log is for a person, in a pipe, too.
	@$(if $(HOST),export SIPUA_SIP__HOST='$(HOST)';) $(if $(SIP_PORT),export SIPUA_SIP__PORT='$(SIP_PORT)';) \
	    export SIPUA_LOG__FORMAT="$${SIPUA_LOG__FORMAT:-console}"; \
	    exec $(BIN)/sipua serve --config configs/local-demo.toml

.PHONY: pjsua2
pjsua2: ## build pjsua2 for many calls (minutes, cached) and install it; UPDATE=1: a newer source; SANITIZE=1: for the fuzzer
	@scripts/env.sh $(if $(SANITIZE),.venv-asan,.venv) run production

.PHONY: native
native: dev ## compile the kernel of the audio path (optional; needs a C compiler)
	@scripts/build_native.sh $(BIN)/python

.PHONY: test
test: dev peers ## everything: set-up, lint, types, tests against real peers
	@# The compiler and its headers are there before a test wants them.
	@mkdir -p build
	@scripts/env.sh .venv-index run index
	@scripts/build_native.sh $(BIN)/python build/_kernel.abi3.so
	@scripts/test.sh

.PHONY: unit
unit: dev ## the fast tests, which need no peers
	@# Some wait for real sockets and timers: more of them than cores at once.
	@$(BIN)/python -m pytest -q -n 4 --dist worksteal -m "not peer and not slow and not sound and not few and not alone"

.PHONY: test-pythons
test-pythons: peers ## unit tests and calls with each Python (3.11 to 3.13) of this machine; PYTHONS=3.12 one
	@scripts/pythons.sh $(PYTHONS)

.PHONY: fuzz
fuzz: ## fuzz what reads foreign bytes, ten minutes each; FUZZ_S=30 shorter, TARGET=rtp (sip, api, sounds) one
	@scripts/fuzz.sh $(or $(FUZZ_S),600) $(TARGET)

.PHONY: soak
soak: dev ## ten minutes of short calls: does anything grow; CALLS=2500 fewer, WORKERS=2 more workers
	@mkdir -p build
	@$(BIN)/sipua bench soak --calls-total $(or $(CALLS),10000) --cps 20 --workers $(or $(WORKERS),1) \
	    --json build/soak.json --html build/soak.html

.PHONY: life
life: dev ## two hours of calls of all kinds, faults, strangers: does anything grow; MINUTES=20 CALLS=50 WORKERS=2
	@mkdir -p build
	@$(BIN)/sipua bench life --minutes $(or $(MINUTES),120) --calls $(or $(CALLS),50) \
	    --workers $(or $(WORKERS),2) --kill-worker 1800 \
	    --json build/life.json --html build/life.html --log build/life.log

.PHONY: lint
lint: dev ## ruff, mypy, and the licences of the dependencies
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@scripts/types.sh
	@$(BIN)/python scripts/supply/licences.py

.PHONY: audit
audit: dev ## known holes of the locked dependencies; asks an advisory service
	@$(BIN)/python scripts/supply/audit.py

.PHONY: sbom
sbom: dev ## what this installation consists of: build/sbom.json, CycloneDX
	@$(BIN)/python scripts/supply/sbom.py $(BIN)/python build/sbom.json

.PHONY: fmt
fmt: dev ## format, and fix what can be fixed
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

.PHONY: dev
dev: ## the environment for development
	@scripts/env.sh .venv dev production

.PHONY: peers
peers: ## set up the phones and switches of the tests (Asterisk, SIPp, linphone, ...)
	@scripts/need.sh "the tests of the local agent's voice" espeak-ng
	@# Only root can make network namespaces: for others these tests are skipped.
	@[ "$$(id -u)" != 0 ] || scripts/need.sh "the tests behind a NAT" iproute2 nftables
	@scripts/peers/setup.sh

.PHONY: lock
lock: ## resolve the locked dependencies anew
	@scripts/lock.sh

.PHONY: clean
clean: ## remove environments and caches of this clone
	rm -rf .venv .venv.lock .venv-asan .venv-asan.lock .venv-index .venv-index.lock .venv-fuzz .venv-fuzz.lock build dist *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis codecs/_kernel.abi3.so
