# Targets: test, lint, docs, bench, demo, wheel.  Each makes the virtual environment that
# it needs, .venv-<target>, and keeps it until the requirements change.
PYTHON ?= python3
.DEFAULT_GOAL := test
.PHONY: test lint docs bench demo wheel clean

# What [build-system] in pyproject.toml requires, and the two programs behind it
# where the machine has none: the in-place builds share one set of objects, so
# they are made without pip's throw-away build environment.
REQUIRES = import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")

.venv-%/ready: pyproject.toml
	test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -c '$(REQUIRES)' > .venv-$*/requires.txt
	command -v cmake > /dev/null || echo cmake >> .venv-$*/requires.txt
	command -v ninja > /dev/null || echo ninja >> .venv-$*/requires.txt
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement .venv-$*/requires.txt
	PATH="$(CURDIR)/.venv-$*/bin:$$PATH" .venv-$*/bin/python -m pip install --quiet --disable-pip-version-check \
	    --no-build-isolation --editable ".[$*]"
	touch $@

# Rebuilds the extension modules that changed, with the environment's own Cython.
BUILD = PATH="$(CURDIR)/.venv-$@/bin:$$PATH" .venv-$@/bin/python setup.py --quiet build_ext --inplace

# `make test ARGS="-k bitmask -x"` passes arguments to pytest.
test: .venv-test/ready
	$(BUILD)
	.venv-test/bin/python -m pytest $(ARGS)

STUBBED = $(subst /,.,$(basename $(wildcard stolcke/_core/*.pyi)))

lint: .venv-lint/ready
	$(BUILD)
	.venv-lint/bin/ruff check .
	.venv-lint/bin/ruff format --check .
	PATH="$(CURDIR)/.venv-lint/bin:$$PATH" .venv-lint/bin/cython-lint stolcke/_core
	.venv-lint/bin/python -m mypy.stubtest --concise --ignore-disjoint-bases --mypy-config-file pyproject.toml \
	    --allowlist .ci/stubtest-allowlist $(STUBBED)

# Benchmarks of HEAD in an environment that asv builds through the project's own backend.
bench: .venv-bench/ready
	cd asv_benchmarks && ../.venv-bench/bin/asv machine --yes
	cd asv_benchmarks && ../.venv-bench/bin/asv run --show-stderr $(ARGS) HEAD^!

# The pages of docs/ and the reference from docstrings, in docs/_build; a warning is an error.
docs: .venv-docs/ready
	$(BUILD)
	.venv-docs/bin/python -m sphinx -W --keep-going -q -b html docs docs/_build

demo: .venv-demo/ready
	$(BUILD)
	.venv-demo/bin/python examples/demo.py $(ARGS)

# An sdist, the wheel built from it, and a trial of the wheel in an empty environment.
wheel:
	PYTHON="$(PYTHON)" .ci/check-wheel

clean:
	rm -rf .venv-* build dist docs/_build .asv stolcke.egg-info
	find stolcke -name '*.so' -delete
