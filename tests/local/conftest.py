import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def runsc():
    """A real runsc."""
    path = os.environ.get("FUMEHOOD_RUNSC")
    if not path:
        pytest.fail("FUMEHOOD_RUNSC is not set; `scripts/setup runsc` builds one")
    return Path(path)
