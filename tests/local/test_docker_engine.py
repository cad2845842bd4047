"""scripts/docker-engine: what tests with Docker stand on."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from docker_engine import SCRIPTS, DockerEngine


def leftovers(folder):
    return subprocess.run(["bash", "-c", f'source "{SCRIPTS}/lib/leftovers.sh" && no_leftovers "$1"', "bash", folder],
                          check=False, stdout=subprocess.PIPE, text=True).stdout


def cgroups():
    return {str(cgroup) for cgroup in Path("/sys/fs/cgroup").glob("**/fumehood-docker-*")}


def places_of_dockers():
    """What a Docker engine writes to beside its own folders."""
    return {place: sorted(os.listdir(place)) if os.path.isdir(place) else None
            for place in ("/etc/docker", "/opt/containerd", "/run/containerd", "/run/docker", "/var/lib/docker", "/sys/class/net")}


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="docker-") as name:
        yield Path(name)


@pytest.fixture
def start(folder):
    """Starts an engine in the folder, which is stopped at the end in any case."""
    started = []

    def make():
        started.append(DockerEngine(folder / "engine"))
        return started[-1]

    yield make
    for engine in started:
        engine.stop()


@pytest.mark.parametrize("end", ["stopped", "killed and stopped"])
def test_nothing_stays_of_an_engine_and_its_containers(folder, start, end):
    before = cgroups(), places_of_dockers()
    engine = start()
    started = engine.docker("run", "--detach", "--network=none", "busybox", "sleep", "1000")
    assert started.returncode == 0, started.stderr
    assert places_of_dockers() == before[1]
    assert "containerd-shim" in leftovers(folder)
    if end == "killed and stopped":
        os.kill(engine.pid(), signal.SIGKILL)
    engine.stop()
    assert leftovers(folder) == ""
    assert list(folder.iterdir()) == []
    assert (cgroups(), places_of_dockers()) == before


def test_a_folder_whose_sockets_would_have_too_long_names_is_refused(folder):
    done = subprocess.run([SCRIPTS / "docker-engine", "up", "--state", folder / ("x" * 66)], check=False, capture_output=True, text=True)
    assert done.returncode == 1 and "too long for the sockets" in done.stderr
    assert list(folder.iterdir()) == []
