"""What is left when Fumehood is uninstalled from a node of scripts/node while commands run: nothing. It comes last."""

import os
import time
from pathlib import Path

import pytest

from node_of_its_own import command_lines
from sandbox_commands import SandboxCommands
from specs import SAMPLE

pytestmark = [pytest.mark.needs_executor, pytest.mark.pods]


def programs():
    """Command lines of what runs for Fumehood on this machine, as far as it is the node's."""
    starts = ("/usr/local/bin/fumehood-", "/usr/local/bin/runsc", "runsc-", "/.fumehood")
    return [line for line in command_lines() if line.startswith(starts) or "/run/fumehood" in line]


def test_uninstalling_leaves_nothing_and_does_not_hang(cluster, executors):
    commands = SandboxCommands(cluster.api, "default")
    state = Path(os.environ["FUMEHOOD_NODE_STATE"])
    for number in range(6):
        commands.create(f"it-{number}", SAMPLE | {"shell": "sleep 200", "timeoutSeconds": 300})
    commands.wait_until("it-0", lambda one: one.get("status", {}).get("phase") == "Running")
    assert programs()

    deleted = cluster.kubectl("delete", "-k", str(state / "installation"), "--timeout=100s", deadline=120)
    assert deleted.exit_code == 0, deleted.stderr

    for kind in ("crd", "clusterrole", "clusterrolebinding", "validatingadmissionpolicy", "validatingadmissionpolicybinding", "priorityclass"):
        assert "fumehood" not in cluster.kubectl("get", kind, "-o", "name").stdout
    assert cluster.kubectl("get", "runtimeclass", "gvisor").exit_code != 0
    assert cluster.kubectl("get", "namespace", "fumehood-system").exit_code != 0
    end = time.monotonic() + 20
    while programs():
        assert time.monotonic() < end, programs()
        time.sleep(0.2)
    cgroups = [one for one in Path("/sys/fs/cgroup").rglob("fumehood-node-*/**/fumehood-*") if one.is_dir()]
    assert cgroups == []
    assert {one.name for one in (state / "host/ledger").iterdir()} <= {"ledger", "lock"}
