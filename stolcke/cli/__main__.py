"""``python -m stolcke.cli``, the same as ``stolcke-compile``."""

import sys

from stolcke.cli.command import main

sys.exit(main())
