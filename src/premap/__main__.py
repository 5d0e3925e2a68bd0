# SPDX-License-Identifier: GPL-2.0-only
"""`python -m premap` is `premap`."""

import sys

from premap.cli import main

sys.exit(main())
