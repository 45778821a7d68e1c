# make run and make test do all the set-up themselves; see README.md.

PYTHON ?= python3
BIN := .venv/bin
SCAN ?=
OUT ?= out

.DEFAULT_GOAL := help
.PHONY: help setup system servers run test ascii commands soak lint docs format bench pictures clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/ready ## Create .venv with everything in it

run: .venv/ready ## Open SCAN=file, or a phantom; without a screen, write results to out/
ifneq ($(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname))),)
	$(BIN)/liverview $(or $(SCAN),--phantom 0 --segment)
else
	$(BIN)/liverview $(or $(SCAN),--phantom 0) --out $(OUT) --overwrite
endif

# One process per core, each with one thread of its own.
PYTEST := QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

test: .venv/ready ## Run all tests but the slow ones
	$(PYTEST)

ascii: .venv/ready ## Test the commands where the locale knows no letter but those of ASCII
	LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0 $(PYTEST) tests/cli tests/cohort

# An environment of its own, as on a cluster; pip keeps what it has fetched.
commands: ## Test the commands in an environment without Qt
	rm -rf .venv-without-qt
	$(PYTHON) -m venv .venv-without-qt
	.venv-without-qt/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-without-qt.txt
	.venv-without-qt/bin/pip install --quiet --disable-pip-version-check --no-deps .
	tests/without_qt.sh .venv-without-qt/bin

soak: .venv/ready ## Run the slow tests: training, examples, other programs
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m slow

lint: .venv/ready ## Check style, types and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: .venv/ready ## Build the documentation into site/; a dead link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: .venv/ready ## Put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/ready ## Measure every wait against its alternatives (SCAN=file adds yours)
	QT_QPA_PLATFORM=offscreen $(BIN)/python benchmarks/bench.py $(SCAN)

pictures: .venv/ready ## Take the pictures of docs/images (needs xvfb-run and chromium)
	QT_QPA_PLATFORM=xcb LIBGL_ALWAYS_SOFTWARE=1 xvfb-run -a -s '-screen 0 1600x1000x24' $(BIN)/python docs/take_pictures.py

clean: ## Remove what make made
	rm -rf .venv .venv-without-qt out dist build site .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/ready: pyproject.toml constraints.txt | system
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11 to 3.13 is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# The system libraries that Qt needs: with the offscreen platform and with a screen.
LIBRARIES := libGL.so.1 libEGL.so.1 libglib-2.0.so.0 libfontconfig.so.1 libdbus-1.so.3 \
  libxkbcommon.so.0 libxkbcommon-x11.so.0 libxcb-cursor.so.0 libxcb-icccm.so.4 \
  libxcb-keysyms.so.1 libxcb-shape.so.0
PACKAGES := libgl1 libegl1 libglib2.0-0 libfontconfig1 libdbus-1-3 libxkbcommon0 \
  libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 \
  fonts-dejavu-core python3-venv

system:
	@if [ "$$(uname)" = Linux ] && [ ! -e .venv/ready ]; then \
	  missing=$$(for l in $(LIBRARIES); do PATH=$$PATH:/sbin:/usr/sbin ldconfig -p | grep -qF "$$l" || echo $$l; done); \
	  $(PYTHON) -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	  [ -n "$$(find /usr/share/fonts /usr/local/share/fonts -name '*.ttf' 2>/dev/null | head -1)" ] || missing="$$missing fonts"; \
	  if [ -n "$$missing" ]; then \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	      apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES) >/dev/null; \
	    else \
	      echo "Missing: $$missing. Install: sudo apt install $(PACKAGES)" >&2; exit 2; \
	    fi; \
	  fi; \
	fi

# What tests beside Qt need: Orthanc with DICOMweb, and dciodvfy. Without them these are skipped.
# Tests start an Orthanc of their own; the service that its package starts, which takes images from
# the network, is stopped where it was installed for them.
SERVERS := orthanc orthanc-dicomweb dicom3tools

servers: ## Install what tests run against: Orthanc, dicom3tools (as root, by apt)
	@missing=; \
	[ -n "$$(PATH=$$PATH:/usr/sbin command -v Orthanc)" ] || missing="$$missing orthanc"; \
	ls /usr/share/orthanc/plugins/libOrthancDicomWeb.so >/dev/null 2>&1 || missing="$$missing orthanc-dicomweb"; \
	[ -n "$$(command -v dciodvfy)" ] || missing="$$missing dicom3tools"; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(SERVERS) >/dev/null || exit 2; \
	    case "$$missing " in *" orthanc "*) \
	      service orthanc stop; update-rc.d orthanc disable;; \
	    esac >/dev/null 2>&1 || true; \
	  else \
	    echo "Missing:$$missing. Install: sudo make servers" >&2; exit 2; \
	  fi; \
	fi
