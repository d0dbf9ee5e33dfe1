"""The extension modules of stolcke: which they are and how they are translated and compiled.

Every ``stolcke/_core/*.pyx`` is one extension module; adding a file is enough.
``python setup.py build_ext --inplace`` builds what changed into the source
tree.  ``STOLCKE_DEBUG=1`` in the environment gives a build with bounds checks,
assertions and debug information, ``STOLCKE_ABI3=1`` modules of Python's stable
ABI, which one wheel brings to every CPython from 3.11 on.
``STOLCKE_SANITIZE=address,undefined`` (or ``thread``) with ``python setup.py
build`` instruments the modules and puts them, and everything made on the way,
under build/sanitized-*, beside the normal ones.  Metadata is in pyproject.toml.
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
SANITIZE = os.environ.get("STOLCKE_SANITIZE", "")

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

# A sanitizer changes what is compiled, not what is translated.  Indices into vectors
# are checked too; -O1 keeps the build short and the reports readable.  Copying zero
# bytes from a null pointer, what an empty vector has, is taken for what it is: nothing.
BUILD_BASE = Path("build")
LINK_FLAGS: list[str] = []
if SANITIZE:
    BUILD_BASE /= "sanitized-" + SANITIZE.replace(",", "-")
    LINK_FLAGS = [f"-fsanitize={SANITIZE}"]
    COMPILE_FLAGS += [
        *("-O1", "-g1", "-fno-omit-frame-pointer", "-D_GLIBCXX_ASSERTIONS"),
        *(f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all"),
        "-fno-sanitize=nonnull-attribute",
    ]


def flavour_stamp() -> str:
    """Path of a file that is newer than any module built in another flavour."""
    stamp = BUILD_BASE / "flavour"
    if not stamp.is_file() or stamp.read_text() != FLAVOUR:
        stamp.parent.mkdir(parents=True, exist_ok=True)
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
            extra_link_args=LINK_FLAGS,
        )
        for path in sorted(Path("stolcke/_core").glob("*.pyx"))
    ]


setup(
    cmake_source_dir=".",
    cmdclass={"build_ext": TranslateAndBuild},
    # `make` installs first and builds in place afterwards: pip's own build would be thrown away.
    ext_modules=[] if os.environ.get("STOLCKE_BUILD_LATER") else extensions(),
    options={
        "build": {"build_base": str(BUILD_BASE), "build_lib": str(BUILD_BASE / "lib")} if SANITIZE else {},
        "build_ext": {"parallel": 2},
        "bdist_wheel": {"py_limited_api": "cp311"} if ABI3 else {},
    },
)
