"""``python -m snarc`` is ``snarc``."""

import sys

from snarc.cli import main

sys.exit(main())
