# Targets: test, test-deep, fuzz, soak, lint, docs, bench, demo, wheel.  Each makes the virtual environment that
# it needs, .venv-<target>, and keeps it until the requirements change.
PYTHON ?= python3
.DEFAULT_GOAL := test
.PHONY: test test-deep fuzz soak lint docs bench demo wheel clean

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
	PATH="$(CURDIR)/.venv-$*/bin:$$PATH" STOLCKE_BUILD_LATER=1 .venv-$*/bin/python -m pip install --quiet --disable-pip-version-check \
	    --no-build-isolation --editable ".[$*]"
	touch $@

# Rebuilds the extension modules that changed, with the environment's own Cython.
BUILD = PATH="$(CURDIR)/.venv-$@/bin:$$PATH" .venv-$@/bin/python setup.py --quiet build_ext --inplace

# `make test ARGS="-k bitmask -x"` passes arguments to pytest.
test: .venv-test/ready
	$(BUILD)
	.venv-test/bin/python -m pytest $(ARGS)

# The core instrumented by sanitizers, in a folder of its own, and the suite (or ARGS) on it with fewer examples;
# docs/hardening.md says what is left out and why.  SANITIZE=thread runs the tests of threads.
SANITIZE ?= address,undefined
COMMA := ,
SANITIZED = build/sanitized-$(subst $(COMMA),-,$(SANITIZE))
test-deep: .venv-test/ready
	PATH="$(CURDIR)/.venv-test/bin:$$PATH" STOLCKE_SANITIZE=$(SANITIZE) .venv-test/bin/python setup.py --quiet build
	tests/hardening/sanitized $(SANITIZED)/lib .venv-test/bin/python $(SANITIZE) $(ARGS)

# `make fuzz TIME=1200`: so many seconds for each of the targets of tests/fuzz, one after the other.
TIME ?= 1200
TARGETS ?= lark regex file calls
fuzz: .venv-test/ready
	PATH="$(CURDIR)/.venv-test/bin:$$PATH" .venv-test/bin/python setup.py --quiet build_ext --inplace
	.venv-test/bin/python -m pip install --quiet --disable-pip-version-check "atheris>=3"
	for target in $(TARGETS); do .venv-test/bin/python tests/fuzz/fuzz.py $$target --seconds $(TIME) || exit 1; done

# A thousand matchers under random calls for TIME seconds (600 make sense).
soak: .venv-test/ready
	PATH="$(CURDIR)/.venv-test/bin:$$PATH" .venv-test/bin/python setup.py --quiet build_ext --inplace
	.venv-test/bin/python -m tests.soak.soak --seconds $(TIME)

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
