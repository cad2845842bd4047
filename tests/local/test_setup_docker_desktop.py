"""scripts/setup-docker-desktop, against a Docker engine on Linux that says it is Docker Desktop's."""

import hashlib
import io
import platform
import shutil
import subprocess
import tarfile

import pytest

from docker_engine import SCRIPTS

VOLUME = "fumehood-gvisor"


@pytest.fixture
def setup_desktop(docker, tmp_path):
    """Runs the script: setup_desktop("--check")."""
    real = shutil.which("docker", path=docker.environment["PATH"])
    pretending = tmp_path / "pretending"
    pretending.mkdir()
    (pretending / "docker").write_text(
        f"""#!/bin/sh\ncase "$*" in *OperatingSystem*) echo 'Docker Desktop' ;; *) exec '{real}' "$@" ;; esac\n""")
    (pretending / "docker").chmod(0o755)

    def run(*arguments):
        return subprocess.run([SCRIPTS / "setup-docker-desktop", *arguments], check=False, capture_output=True, text=True, timeout=60,
                              env=docker.environment | {"PATH": f"{pretending}:{docker.environment['PATH']}"})

    yield run
    docker.configure()
    docker.docker("volume", "rm", "--force", VOLUME)


@pytest.fixture
def release(tmp_path):
    """A release below a URL: release(checksum=…) returns the URL."""
    def make(checksum=None):
        folder = tmp_path / "releases/latest" / platform.machine()
        folder.mkdir(parents=True)
        tarball = folder / "gvisor.tar.bz2"
        with tarfile.open(tarball, "w:bz2") as archive:
            for name in ("runsc", "gvisor-bin/sidecar"):
                member = tarfile.TarInfo(name)
                member.mode, member.size = 0o700, len(name)
                archive.addfile(member, io.BytesIO(name.encode()))
        checksum = checksum or hashlib.sha512(tarball.read_bytes()).hexdigest()
        (folder / "gvisor.tar.bz2.sha512").write_text(f"{checksum}  gvisor.tar.bz2\n")
        return f"file://{tmp_path}/releases"
    return make


def in_volume(docker):
    """{path: mode} of the programs in the volume."""
    listed = docker.docker("run", "--rm", "--network=none", "--volume", f"{VOLUME}:/v", "busybox",
                           "sh", "-c", "cd /v && find . -type f -exec stat -c '%n %a %u' {} +").stdout
    return {name: (mode, owner) for name, mode, owner in (line.split() for line in listed.splitlines())}


def test_what_it_prints_for_the_settings_runs_containers_in_gvisor(docker, runsc, setup_desktop):
    assert setup_desktop("--check").returncode == 3
    done = setup_desktop("--from", runsc.parent)
    assert done.returncode == 0, done.stderr
    [path] = [line.split('"')[3] for line in done.stdout.splitlines() if line.strip().startswith('"path"')]
    assert f"volumes/{VOLUME}/" in path
    docker.configure(runtimes={"runsc": {"path": path}})
    check = setup_desktop("--check")
    assert check.returncode == 0, check.stderr
    refused = setup_desktop("--undo")
    assert refused.returncode == 1 and "take it out of Settings" in refused.stderr


def test_a_release_is_downloaded_with_all_its_programs(docker, release, setup_desktop):
    done = setup_desktop("--base-url", release())
    assert done.returncode == 0, done.stderr
    assert in_volume(docker) == {"./runsc": ("755", "0"), "./gvisor-bin/sidecar": ("755", "0")}


def test_nothing_stays_in_docker_but_the_volume_and_undo_removes_that(docker, release, setup_desktop):
    assert setup_desktop("--base-url", release()).returncode == 0
    assert docker.docker("images", "--format", "{{.Repository}}").stdout.split() == ["busybox"]
    assert docker.docker("ps", "--all", "--quiet").stdout == ""
    assert setup_desktop("--undo").returncode == 0
    assert docker.docker("volume", "ls", "--quiet").stdout == ""


def test_a_download_with_a_wrong_checksum_is_refused(docker, release, setup_desktop):
    done = setup_desktop("--base-url", release(checksum="0" * 128))
    assert done.returncode == 1 and "checksum" in done.stderr, done.stderr
    assert docker.docker("volume", "ls", "--quiet").stdout == ""


def test_a_docker_on_linux_is_refused(docker):
    done = subprocess.run([SCRIPTS / "setup-docker-desktop"], env=docker.environment,
                          check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "scripts/setup-docker is for it" in done.stderr
