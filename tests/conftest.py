"""What several test modules share."""

from __future__ import annotations

import os

from hypothesis import settings

# one case is a whole forecast, and machines differ: no deadline for one example
settings.register_profile("forecast", deadline=None, max_examples=25, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "forecast"))
