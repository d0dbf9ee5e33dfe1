"""What ``import stolcke`` costs."""

from __future__ import annotations

import subprocess
import sys


def timeraw_import() -> str:
    """Time of the import in a new process, numpy's included."""
    return "import stolcke"


def timeraw_import_after_numpy() -> tuple[str, str]:
    """Time of the import where numpy is there already."""
    return "import stolcke", "import numpy"


def track_packages_loaded() -> int:
    """Top-level packages beyond the standard library that the import loads."""
    code = (
        "import sys; before = set(sys.modules); import stolcke; "
        "print(len({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return int(output)
