# SPDX-License-Identifier: Apache-2.0
# Everything a person types here; `make` alone lists it. Works on Debian 12 and newer, as root or as a plain user.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin

# PlatformIO keeps its packages and settings in the repository, never in the user's home.
export PLATFORMIO_CORE_DIR := $(CURDIR)/.platformio
export PLATFORMIO_SETTING_ENABLE_TELEMETRY := no
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export PIP_NO_INPUT := 1

# Debian's packages: compilers for the boards and the host, the emulator, the programmer.
PACKAGES := gcc gcc-arm-none-eabi git libc6-dev libnewlib-arm-none-eabi make openocd \
            python3-dev python3-venv qemu-system-arm

# The emulated K210 runs in Node.js, from wherever it is installed; npm brings MicroPython.
PACKAGES += $(if $(and $(shell command -v node),$(shell command -v npm)),,nodejs npm)

# Only the tests need these: clang's libFuzzer, as Debian 12 names it. Elsewhere the tests look for any clang that has it.
FUZZER := $(if $(filter 12%,$(shell cat /etc/debian_version 2>/dev/null)),clang-14 libclang-rt-14-dev)
test: PACKAGES += $(FUZZER)

# A stamp named after what the Python package is built from, the node's C code included: when that changes, another
# stamp is asked for and pip installs again.
INPUTS := pyproject.toml $(wildcard setup.py host/build_binding.py host/declarations/*.h firmware/core/*.[ch] firmware/nn/*.[ch] \
          firmware/link/*.[ch] firmware/app/pattern.[ch] firmware/app/protocol.h \
          firmware/nn/cmsis_nn_sources.txt)
INSTALLED := $(VENV)/.installed-$(shell cat $(INPUTS) | sha256sum | cut -c 1-16)

.PHONY: help setup packages carriers platformio demo test lint firmware clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: packages carriers $(INSTALLED) platformio ## everything that is needed, into this folder; again: nothing
	@echo "setup: ready"

demo: setup ## the whole chain on sample photos
	@echo "demo: running glimpse demo"
	@"$(BIN)/glimpse" demo

test: setup lint ## all tests: C on the host and on both emulated cores, then Python
	@echo "test: C unit tests on the host, the emulated Cortex-M7 and the emulated Cortex-M33"
	@"$(BIN)/pio" test -e native -e qemu_cortex_m7 -e qemu_cortex_m33
	@echo "test: firmware for every board"
	@"$(BIN)/pio" run --silent
	@echo "test: Python tests"
	@"$(BIN)/python" -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: setup
	@echo "lint: ruff"
	@"$(BIN)/ruff" check --quiet .
	@"$(BIN)/ruff" format --quiet --check .

firmware: setup ## the firmware of every board, into .pio/build
	@echo "firmware: building every board"
	@"$(BIN)/pio" run

clean: ## delete what was built; what setup fetched stays
	@echo "clean: deleting builds"
	@rm -rf .pio build out .pytest_cache .hypothesis .ruff_cache

# ---- steps of setup

# Only what is missing is asked for; where nothing is, apt is not called at all.
packages:
	@missing=""; for package in $(PACKAGES); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q "ok installed" || missing="$$missing $$package"; \
	done; \
	if [ -z "$$missing" ]; then echo "setup: Debian packages are there"; exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as_root="env"; \
	elif sudo -n true 2>/dev/null; then as_root="sudo -n env"; \
	else echo "setup: as root, run: apt-get install --no-install-recommends$$missing" >&2; exit 1; fi; \
	echo "setup: installing Debian packages:$$missing"; \
	export DEBIAN_FRONTEND=noninteractive; \
	$$as_root DEBIAN_FRONTEND=noninteractive apt-get update -qq && \
	$$as_root DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
	  -o Dpkg::Use-Pty=0 $$missing >/dev/null

# Before the Python package, whose extension compiles CMSIS-NN for the host.
carriers: packages $(VENV)/.created
	@"$(BIN)/python" boards/platform/tools/fetch_carriers.py | sed 's/^/setup: /'
	@"$(BIN)/python" boards/platform/tools/fetch_micropython.py | sed 's/^/setup: /' || \
	  echo "setup: without it the emulated K210 does not run, and its tests say so"

# The stamp comes last: a set-up that was interrupted starts its environment again.
$(VENV)/.created: | packages
	@echo "setup: making $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "setup: $(PYTHON) is older than Python 3.11; run: make PYTHON=python3.11 setup" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) 2>$(VENV).log || \
	  { tail -n 1 $(VENV).log >&2; rm -f $(VENV).log; echo "setup: $(VENV) was not made; run make setup again" >&2; exit 1; }
	@rm -f $(VENV).log
	@touch $@

$(INSTALLED): $(VENV)/.created | carriers
	@echo "setup: installing Python packages (minutes, the first time)"
	@"$(BIN)/python" -m pip install --quiet --editable '.[build,test]'
	@# A second opinion for the tests. It has nightly pre-releases only, which come and go: whichever installs will do.
	@"$(BIN)/python" -m pip install --quiet 'tflite-micro>=0.dev20250101' 2>/dev/null || \
	  echo "setup: no tflite-micro to be had; the tests that compare with it will say so"
	@rm -f $(VENV)/.installed-*
	@touch $@

platformio: $(INSTALLED)
	@"$(BIN)/python" boards/platform/tools/offline_scons.py | sed 's/^/setup: /'
