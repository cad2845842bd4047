"""What `cmake --install --component local` brings stands on its own: from nothing but it to a command in a sandbox."""

import hashlib
import json
import os
import subprocess

import pytest

from backends import basic_environment


@pytest.fixture
def prefix(program, tmp_path):
    subprocess.run(["cmake", "--install", program.parent.parent, "--prefix", tmp_path / "prefix", "--component", "local"],
                   check=True, stdout=subprocess.DEVNULL, timeout=60)
    return tmp_path / "prefix"


def run(prefix, *arguments, **environment):
    # As it is on a machine where nothing of this repository is.
    return subprocess.run([prefix / "bin/fumehood", *arguments], env=basic_environment(prefix.parent) | {"PATH": "/usr/bin:/bin"} | environment,
                          cwd=prefix.parent, capture_output=True, text=True, timeout=120, check=False)


def test_it_is_the_program_what_it_needs_and_its_scripts(prefix):
    files = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    assert {"bin/fumehood", "lib/fumehood/fumehood-init", "share/fumehood/scripts/install-runsc",
            "share/fumehood/scripts/setup-docker"} <= files
    assert all(os.access(prefix / name, os.X_OK) for name in files if not name.startswith("share/fumehood/scripts/lib/"))


def test_from_a_release_on_this_disk_to_a_command_in_a_sandbox(prefix, runsc, tmp_path):
    assert run(prefix, "run", "--isolation=runsc", "--", "true").returncode == 125

    digest = hashlib.sha512(runsc.read_bytes()).hexdigest()
    installed = run(prefix, "install", "--file", str(runsc), "--sha512", digest, "--to", str(prefix / "bin"))
    assert installed.returncode == 0, installed.stderr
    assert installed.stdout == f"{prefix}/bin/runsc\n"

    ran = run(prefix, "run", "--isolation=runsc", "--repo=/usr/share", "--json", "--", "sh", "-c", "dmesg | head -n 1")
    result = json.loads(ran.stdout)
    assert result["success"] and "Starting gVisor" in result["stdout"], ran
    assert run(prefix, "doctor", "--isolation=runsc", "--repo=/usr/share").returncode == 0


def test_docker_is_set_up_by_the_installed_script_too(prefix, docker):
    helped = run(prefix, "setup-docker", "--help")
    assert helped.returncode == 0 and "--daemon-json" in helped.stdout
    checked = run(prefix, "setup-docker", "--check", DOCKER_HOST=docker.environment["DOCKER_HOST"], PATH=docker.environment["PATH"])
    assert checked.returncode == 3 and "runsc" in checked.stderr
