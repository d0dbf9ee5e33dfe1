"""The extension modules of stolcke: which they are and how they are translated and compiled.

Every ``stolcke/_core/*.pyx`` is one extension module; adding a file is enough.
``python setup.py build_ext --inplace`` builds what changed into the source
tree.  ``STOLCKE_DEBUG=1`` in the environment gives a build with bounds checks,
assertions and debug information, ``STOLCKE_ABI3=1`` modules of Python's stable
ABI, which one wheel brings to every CPython from 3.11 on.  Metadata is in
pyproject.toml.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import Cython
import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("STOLCKE_DEBUG", "0") not in ("", "0")

# The stable ABI costs calls a little (see docs/platforms.md); builds in place have no need of it.
ABI3 = os.environ.get("STOLCKE_ABI3", "0") not in ("", "0")
MACROS = [("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")]
if ABI3:
    MACROS += [("Py_LIMITED_API", "0x030B0000"), ("CYTHON_LIMITED_API", "1")]

# The one place for compiler directives: no .pyx file sets its own.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "embedsignature": True,
    "embedsignature.format": "python",
    "autotestdict": False,
    "auto_pickle": False,
}

# No -march: a wheel runs on every processor of its architecture, and the
# kernels that gain from wider registers choose their version at run time.
if sys.platform == "win32":
    COMPILE_FLAGS = ["/std:c++17", "/Od" if DEBUG else "/O2"]
else:
    COMPILE_FLAGS = ["-std=c++17", *(["-O0", "-g", "-UNDEBUG", "-DSTOLCKE_PORTABLE"] if DEBUG else ["-O3", "-g0"])]

# Two builds that differ in any of these never share translated sources.
FLAVOUR = hashlib.sha256(
    repr((DIRECTIVES, COMPILE_FLAGS, MACROS, Cython.__version__, numpy.__version__, sys.version)).encode()
).hexdigest()[:12]


def flavour_stamp() -> str:
    """Path of a file that is newer than any module built in another flavour."""
    stamp = Path("build", "flavour")
    if not stamp.is_file() or stamp.read_text() != FLAVOUR:
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(FLAVOUR)
    return str(stamp)


class TranslateAndBuild(build_ext):
    """``build_ext`` that runs Cython first, on what changed, and not for an sdist or metadata."""

    def build_extensions(self) -> None:
        translated = cythonize(
            self.extensions,
            compiler_directives=DIRECTIVES,
            build_dir=f"build/cython-{FLAVOUR}",
            nthreads=2,
            force=self.force,
        )
        sources = {extension.name: extension for extension in translated}
        stamp = flavour_stamp()
        for extension in self.extensions:
            extension.depends = [*sources[extension.name].depends, stamp]
            extension.sources = sources[extension.name].sources
        super().build_extensions()


def extensions() -> list[Extension]:
    """One C++ extension module per ``stolcke/_core/*.pyx``."""
    return [
        Extension(
            f"stolcke._core.{path.stem}",
            [path.as_posix()],
            language="c++",
            include_dirs=["stolcke/_core", numpy.get_include()],
            define_macros=MACROS,
            py_limited_api=ABI3,
            extra_compile_args=COMPILE_FLAGS,
        )
        for path in sorted(Path("stolcke/_core").glob("*.pyx"))
    ]


setup(
    cmake_source_dir=".",
    cmdclass={"build_ext": TranslateAndBuild},
    ext_modules=extensions(),
    options={"build_ext": {"parallel": 2}, **({"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {})},
)
