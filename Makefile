# make demo    trained network -> NIR -> Loihi integers -> Lava -> report in runs/demo
# make test    lint, types, layers and the whole test suite; NEURODEPLOY_FUZZ=full doubles the
#              random examples
# PYTHON=...   the interpreter (3.10 to 3.13); TORCH=no leaves torch and all that needs it out

PYTHON ?= python3
TORCH ?= yes
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed-$(TORCH)
# Byte code is written as modules are imported: pip would spend a minute on those that never are
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

ifeq ($(TORCH),no)
EXTRAS := lava,audio,report,test
else
EXTRAS := lava,audio,codec,report,training,test,oracles
UNDECLARED := neurobench norse nirtorch
endif

.PHONY: demo test lint kernels clean
.DEFAULT_GOAL := test

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 10) <= sys.version_info < (3, 14) else \
	  "NeuroDeploy needs Python 3.10 to 3.13, this is " + sys.version.split()[0] + \
	  ": call make with PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (first time only) ..."
	@$(PIP) --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@# norse declares torchvision, and neurobench tonic and torchaudio: what is used of them imports
	@# none. pesq is built from source: without a C compiler its test is not run
	@$(if $(UNDECLARED),$(PIP) --constraint constraints.txt --no-deps $(UNDECLARED) \
	  $$(command -v cc >/dev/null && echo pesq) & others=$$!;) \
	  $(BIN)/neurodeploy doctor --install lava --constraints constraints.txt && wait $$others
	@touch $@

demo: $(STAMP)
	$(BIN)/neurodeploy demo --output runs/demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
ifneq ($(TORCH),no)
	$(BIN)/mypy
endif
	$(BIN)/lint-imports

kernels: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/property/test_cpu_random_programs.py

test: $(STAMP)
	@# numba compiles for a minute: on one core, while mypy reads on the other
	$(MAKE) --jobs 2 lint kernels
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist worksteal $(if $(filter no,$(TORCH)),,--no-skips)

clean:
	rm -rf $(VENV) runs .mypy_cache .pytest_cache .ruff_cache
