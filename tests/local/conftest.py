import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from backends import NOBODY_SPECIAL, Backend, basic_environment, copy_programs, let_everybody_in
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


@pytest.fixture(scope="session")
def programs(program, runsc, tmp_path_factory):
    """A folder that everybody may look into, with all that `fumehood run` needs of ours."""
    folder = tmp_path_factory.mktemp("programs")
    let_everybody_in(folder)
    copy_programs(program, runsc, folder)
    return folder


@pytest.fixture
def backend(request, programs, tmp_path):
    """backend: the one that the test is for, by its name."""
    name = request.param
    made = Backend(name.split("-")[0], programs / "fumehood", basic_environment(tmp_path))
    if name == "runsc-rootless":
        return replace(made, uid=NOBODY_SPECIAL)
    if name == "docker":
        docker = request.getfixturevalue("docker")
        docker.configure(runtimes={"runsc": {"path": str(programs / "runsc")}})
        return replace(made, environment=docker.environment | {"HOME": str(tmp_path)})
    return made


@pytest.fixture
def repository(tmp_path):
    """A repository that everybody may read."""
    let_everybody_in(tmp_path)
    folder = tmp_path / "repository"
    (folder / "src").mkdir(parents=True)
    (folder / "README").write_text("read me\n")
    (folder / "src/main").write_text("main\n")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY_SPECIAL, NOBODY_SPECIAL)
    return folder
