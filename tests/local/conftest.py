import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from docker_engine import SCRIPTS, DockerEngine


@pytest.fixture(scope="session")
def docker_engine():
    """A Docker engine for all tests, without gVisor. `docker` gives it to one of them."""
    # The folders that pytest makes have names too long for sockets.
    with tempfile.TemporaryDirectory(prefix="docker-") as folder:
        engine = DockerEngine(Path(folder) / "engine")
        yield engine
        engine.stop()


@pytest.fixture
def docker(docker_engine):
    """The engine, with the configuration that it started with."""
    for copy in docker_engine.state.glob("daemon.json.*"):
        copy.unlink()
    docker_engine.daemon_json.chmod(0o644)
    os.chown(docker_engine.daemon_json, 0, 0)
    docker_engine.configure()
    return docker_engine


@pytest.fixture(scope="session")
def runsc():
    found = os.environ.get("FUMEHOOD_RUNSC") or subprocess.run(
        ["bash", "-c", f'source "{SCRIPTS}/lib/find_tools.sh" && find_tool runsc'],
        check=False, stdout=subprocess.PIPE, text=True).stdout.strip()
    if not found:
        pytest.fail("no runsc is here; `scripts/setup runsc` brings it")
    return Path(found)


@pytest.fixture(scope="session")
def program():
    """The program `fumehood`, with fumehood-init beside it."""
    path = os.environ.get("FUMEHOOD_PROGRAM")
    if not path:
        pytest.fail("FUMEHOOD_PROGRAM is not set; `scripts/build` builds build/dev/cli/fumehood")
    return Path(path)
