"""What several test modules share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# one case is a whole forecast, and machines differ: no deadline for one example
settings.register_profile("forecast", deadline=None, max_examples=25, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "forecast"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for x in names if (found := shutil.which(x))), None)
    if path is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on this machine; with CI set this is a failure")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path or names[0], args=arguments)
        yield browser
        browser.close()
