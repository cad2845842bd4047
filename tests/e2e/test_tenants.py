"""Two namespaces that share a cluster: neither reaches the other's repositories, files, processes or results."""

import os
import shutil
import signal
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from identities import Identities, Rule
from sandbox_commands import SandboxCommands, condition, outcome, refusal_of
from specs import bound

pytestmark = pytest.mark.needs_executor

PER_NAMESPACE = {"repositories": "PerNamespace"}
MARK = "only-for-its-owner"
UNAVAILABLE = ("Failed", "RepositoryUnavailable")


@dataclass(frozen=True)
class Tenant:
    """A namespace, with a folder of its own below the repository root."""

    namespace: str
    commands: SandboxCommands
    folder: Path

    def repository(self, name):
        return {"path": f"{self.namespace}/{name}"}

    def run(self, repository, shell="cat secret.txt"):
        return self.commands.run(f"run-{uuid.uuid4().hex[:8]}", {"shell": shell, "repository": repository})


@pytest.fixture
def new_tenant(cluster, new_namespace):
    folders = []

    def make():
        namespace = new_namespace()
        folder = Path(os.environ["FUMEHOOD_REPOSITORIES"]) / namespace
        (folder / "code").mkdir(parents=True)
        folders.append(folder)
        (folder / "code" / "secret.txt").write_text(MARK)
        return Tenant(namespace, SandboxCommands(cluster.api, namespace), folder)

    yield make
    for folder in folders:
        shutil.rmtree(folder)


@pytest.fixture
def mine(new_tenant):
    return new_tenant()


@pytest.fixture
def yours(new_tenant):
    return new_tenant()


@contextmanager
def paused(state, program):
    """While it lasts, that process of the cluster does nothing. Keep it shorter than the controller's lease."""
    process = int((state / "run" / f"{program}.pid").read_text().split()[0])  # beside it, when it started
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def test_shared_repositories_are_everybodys(configure, mine, yours):
    configure({"repositories": "Shared"})

    assert mine.run(yours.repository("code"))["status"]["stdout"] == MARK


def test_a_namespace_reads_its_own(configure, mine):
    configure(PER_NAMESPACE)

    command = mine.run(mine.repository("code"))

    assert outcome(command) == ("Succeeded", "ExitedZero")
    assert command["status"]["stdout"] == MARK
    assert mine.run({"path": mine.namespace}, "cat code/secret.txt")["status"]["stdout"] == MARK


@pytest.mark.parametrize("path", ["{yours}/code", "{yours}", "{mine}x/code", "sample", "code"])
def test_anothers_repository_is_refused_before_anything_runs(configure, mine, yours, path):
    configure(PER_NAMESPACE)

    command = mine.run({"path": path.format(mine=mine.namespace, yours=yours.namespace)})

    assert outcome(command) == UNAVAILABLE
    assert "nodeName" not in command["status"]
    message = condition(command, "Finished")["message"]
    assert f'the namespace "{mine.namespace}" may not read the repository' in message
    assert f"it may read {mine.namespace}" in message


@pytest.mark.parametrize("path", ["{mine}/../{yours}/code", "../{yours}/code", "{mine}/..", "/{yours}/code"])
def test_a_path_that_leads_out_is_refused_at_creation(mine, yours, path):
    spec = {"shell": "true", "repository": {"path": path.format(mine=mine.namespace, yours=yours.namespace)}}

    assert "spec.repository.path" in refusal_of(lambda: mine.commands.create("it", spec)).message


@pytest.mark.parametrize(("target", "path"), [
    pytest.param("../{yours}/code", "link", id="relative"),
    pytest.param("{root}/{yours}/code", "link", id="absolute"),
    pytest.param("..", "link/{yours}/code", id="parent"),
    pytest.param("/proc/self/root/{root}/{yours}", "link/code", id="through-proc"),
])
def test_a_symbolic_link_does_not_lead_to_another(configure, mine, yours, target, path):
    configure(PER_NAMESPACE)
    names = {"yours": yours.namespace, "root": mine.folder.parent}
    (mine.folder / "link").symlink_to(target.format(**names))

    command = mine.run(mine.repository(path.format(**names)))

    assert outcome(command) == UNAVAILABLE
    assert "symbolic link" in condition(command, "Finished")["message"]
    assert MARK not in command["status"].get("stdout", "")


@pytest.mark.parametrize("target", ["../../{yours}/code/secret.txt", "{root}/{yours}/code/secret.txt", "/workspace/../{yours}/code/secret.txt"])
def test_a_link_inside_of_a_repository_stays_inside(configure, mine, yours, target):
    configure(PER_NAMESPACE)
    (mine.folder / "code" / "link").symlink_to(target.format(yours=yours.namespace, root=mine.folder.parent))

    command = mine.run(mine.repository("code"), "cat link")

    assert outcome(command) == ("Failed", "ExitedNonZero")
    assert command["status"]["stdout"] == ""


def test_the_executor_refuses_what_the_controller_did_not(configure, mine, yours, state, executors):
    configure(PER_NAMESPACE)
    with paused(state, "controller"):
        mine.commands.create("it", {"shell": "cat secret.txt", "repository": yours.repository("code")})
        mine.commands.patch_status("it", {"status": bound(node=executors[0]["metadata"]["name"])})
        command = mine.commands.wait_finished("it", deadline=5)

    assert outcome(command) == UNAVAILABLE
    assert condition(command, "Isolated")["reason"] == "NeverStarted"
    assert "may not read the repository" in condition(command, "Finished")["message"]


def test_rules_name_who_reads_what(configure, mine, yours):
    configure({"repositories": [{"namespaces": ["*"], "paths": ["sample", "{namespace}"]},
                                {"namespaces": [mine.namespace], "paths": [f"{yours.namespace}/code"]}]})

    assert mine.run(yours.repository("code"))["status"]["stdout"] == MARK
    assert outcome(mine.run({"path": yours.namespace})) == UNAVAILABLE
    assert outcome(yours.run(mine.repository("code"))) == UNAVAILABLE
    assert outcome(yours.run({"path": "sample"}, "true")) == ("Succeeded", "ExitedZero")


def test_scratch_and_processes_are_not_shared(configure, mine, yours):
    configure(PER_NAMESPACE)
    yours.commands.create("busy", {"shell": f"echo {MARK} > /tmp/file; sh -c 'sleep 300; true' {MARK}", "timeoutSeconds": 600,
                                   "repository": yours.repository("code")})
    yours.commands.wait_until("busy", lambda command: command.get("status", {}).get("phase") == "Running")

    command = mine.run(mine.repository("code"), "ls -A /tmp; for one in /proc/[0-9]*; do tr '\\0' ' ' < $one/cmdline; done; kill -9 -1")

    assert MARK not in command["status"]["stdout"]
    assert yours.commands.get("busy")["status"]["phase"] == "Running"
    yours.commands.cancel("busy")
    assert yours.commands.wait_finished("busy")["status"]["phase"] == "Cancelled"


def test_results_are_not_read_from_another_namespace(cluster, configure, mine, yours):
    configure(PER_NAMESPACE)
    yours.commands.run("it", {"shell": "cat secret.txt", "repository": yours.repository("code")})
    with Identities(cluster) as identities:
        me = identities.user(mine.namespace, Rule(("fumehood.dev",), ("*",)))

        for attempt in (lambda commands: commands.get("it"), lambda commands: commands.list(""), lambda commands: commands.delete("it"),
                        lambda commands: commands.cancel("it")):
            assert refusal_of(lambda attempt=attempt: attempt(SandboxCommands(me, yours.namespace))).code == 403
