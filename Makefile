# What CI runs; `make` alone lists the targets.  Another Python: make test PYTHON=python3.13

PYTHON ?= python3
VENV ?= .venv
ORACLES ?= .oracles
JOBS ?= 2
PYTEST_ARGS ?=
ARGS ?=

LOCKED := --disable-pip-version-check --quiet --require-hashes --only-binary :all:
OURS := --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
CODE := src tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help run test test-slow oracles lint format types smoke bench docs pictures lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/core: requirements/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install $(LOCKED) -r requirements/requirements.txt
	$(VENV)/bin/python -m pip install $(OURS)
	@touch $@

$(VENV)/dev: requirements/requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install $(LOCKED) -r requirements/requirements-dev.txt
	$(VENV)/bin/python -m pip install $(OURS)
	@touch $(VENV)/core $@

$(ORACLES)/ready: requirements/requirements-dev.txt requirements/requirements-oracles.txt \
		requirements/requirements-oracles-torch.txt pyproject.toml
	$(PYTHON) -m venv $(ORACLES)
	$(ORACLES)/bin/python -m pip install $(LOCKED) -r requirements/requirements-dev.txt
	$(ORACLES)/bin/python -m pip install $(LOCKED) -r requirements/requirements-oracles.txt
	$(ORACLES)/bin/python -m pip install --disable-pip-version-check --quiet torch==2.13.0
	$(ORACLES)/bin/python -m pip install $(LOCKED) --no-deps -r requirements/requirements-oracles-torch.txt
	$(ORACLES)/bin/python -m pip install $(OURS)
	@touch $@

run: $(VENV)/core ## set up .venv, train on the bundled digits, print the path of the report
	$(VENV)/bin/snarc train digits $(ARGS)

test: $(VENV)/dev ## the tests (real data where SNARC_DATA names their folder)
	$(VENV)/bin/python -m pytest -q -n $(JOBS) tests src $(PYTEST_ARGS)

test-slow: $(VENV)/dev ## the tests that take more than a minute each
	$(VENV)/bin/python -m pytest -q -m "slow and not oracle" $(PYTEST_ARGS)

oracles: $(ORACLES)/ready ## install PyTorch, Keras, foolbox and MAPIE apart, and hold our results against theirs
	KERAS_BACKEND=jax $(ORACLES)/bin/python -m pytest -q -m oracle $(PYTEST_ARGS)

lint: $(VENV)/dev ## ruff
	$(VENV)/bin/ruff check $(CODE)
	$(VENV)/bin/ruff format --check $(CODE)

format: $(VENV)/dev ## let ruff put the code into shape
	$(VENV)/bin/ruff check --fix $(CODE)
	$(VENV)/bin/ruff format $(CODE)

types: $(VENV)/dev ## mypy
	$(VENV)/bin/mypy

smoke: $(VENV)/core ## every experiment at its smallest budget
	$(VENV)/bin/snarc reproduce --all --budget smoke --out findings/smoke --quiet $(ARGS)

bench: $(ORACLES)/ready ## speed and accuracy, side by side with PyTorch, Keras and scikit-learn
	KERAS_BACKEND=jax $(ORACLES)/bin/python -m benchmarks $(ARGS)

docs: $(VENV)/dev ## the documentation as a site under build/docs
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet --editable '.[docs]'
	$(VENV)/bin/python -m sphinx -b html -q docs build/docs

pictures: $(VENV)/core ## the picture of README.md, made by the program (needs MNIST)
	$(VENV)/bin/python docs/pictures/make.py

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header $(ARGS)
# Installed with PyTorch, where its build wants them; pictures (torchvision) are not needed, and must fit its build.
TORCH_OWN := torch cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti \
	nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand \
	nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink \
	nvidia-nvshmem-cu13 nvidia-nvtx torchvision triton
lock: ## write requirements/*.txt anew (needs uv; ARGS=--upgrade for newer versions)
	$(COMPILE) pyproject.toml requirements/build.in --extra dev --extra bench --extra web --extra tsne \
		-o requirements/requirements-dev.txt
	$(COMPILE) pyproject.toml requirements/build.in -c requirements/requirements-dev.txt \
		-o requirements/requirements.txt
	$(COMPILE) requirements/oracles.in -c requirements/requirements-dev.txt \
		-o requirements/requirements-oracles.txt
	$(COMPILE) requirements/oracles-torch.in $(TORCH_OWN:%=--no-emit-package %) -c requirements/requirements-dev.txt \
		-c requirements/requirements-oracles.txt -o requirements/requirements-oracles-torch.txt

clean: ## remove what was made here: environments and caches, not runs
	rm -rf $(VENV) $(ORACLES) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
