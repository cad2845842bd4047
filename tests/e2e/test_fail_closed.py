"""An executor that can't isolate runs nothing: it doesn't offer itself, or hands back what it is given, and says why."""

import pytest

from sandbox_commands import condition, outcome, waits_because

pytestmark = pytest.mark.needs_executor


def script(path, text):
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_whole_one_runs_commands(commands, other):
    other.start()
    other.wait_until_ready_is("True")

    command = commands.run("it", other.spec(shell="echo it-ran"))

    assert command["status"]["stdout"] == "it-ran\n"
    assert command["status"]["nodeName"] == other.node


@pytest.mark.parametrize("runsc", [
    pytest.param("/nowhere/runsc", id="missing"), pytest.param("/bin/true", id="another-program")])
def test_without_runsc_it_does_not_start(cluster, commands, other, runsc):
    other.start(runsc=runsc)

    assert other.exit_status() == 1
    assert runsc in other.log.read_text()
    commands.create("it", other.spec(shell="echo it-ran"))
    commands.wait_until("it", waits_because("NoExecutorAvailable"))
    assert cluster.kubectl("get", "sandboxexecutor", other.node).exit_code != 0


def test_a_process_is_no_handler(other):
    other.start(handler="process")

    assert other.exit_status() != 0
    assert "no sandbox" in other.log.read_text()


@pytest.mark.parametrize("broken", [
    pytest.param('exec {runsc} "${{@/--platform=systrap/--platform=nowhere}}"', id="platform-that-is-not-there"),
    pytest.param('[[ $1 == --version ]] && exec {runsc} --version; echo "no such luck" >&2; exit 128', id="runtime-that-fails"),
])
def test_where_no_sandbox_starts_it_takes_no_commands(cluster, commands, other, tmp_path, broken):
    other.start(runsc=script(tmp_path / "runsc", broken.format(runsc=other.option("runsc"))))
    other.wait_until_ready_is("False")

    commands.create("it", other.spec(shell="echo it-ran"))
    commands.wait_until("it", waits_because("NoExecutorAvailable"))
    executor = cluster.kubectl("get", "sandboxexecutor", other.node, "-o", "yaml").stdout
    assert "reason: NoSandbox" in executor
    assert "no sandbox starts here" in executor
    assert "image not offered" in other.log.read_text()


def test_where_sandboxes_start_again_it_takes_commands(commands, other, tmp_path):
    obstacle = tmp_path / "obstacle"
    obstacle.touch()
    other.start(runsc=script(tmp_path / "runsc", f'[[ $1 != --version && -e {obstacle} ]] && exit 128; exec {other.option("runsc")} "$@"'))
    other.wait_until_ready_is("False")
    obstacle.unlink()
    other.wait_until_ready_is("True")

    assert outcome(commands.run("it", other.spec(shell="true"))) == ("Succeeded", "ExitedZero")


def test_where_sandboxes_start_no_more_the_command_is_not_run(commands, other, tmp_path):
    obstacle = tmp_path / "obstacle"
    other.start(runsc=script(tmp_path / "runsc", f'[[ -e {obstacle} ]] && exit 128; exec {other.option("runsc")} "$@"'),
                max_warm_sandboxes=0)
    other.wait_until_ready_is("True")
    obstacle.touch()

    command = commands.run("it", other.spec(shell="echo it-ran", retryLimit=1))

    assert outcome(command) == ("Failed", "ExecutorLost")
    assert "the executor could not run the command" in condition(command, "Finished")["message"]
    assert command["status"]["attempt"] == 2
    assert not {"isolation", "exitCode", "stdout", "startTime"} & command["status"].keys()
    assert "can't run a command" in other.log.read_text()
    other.wait_until_ready_is("False")


def test_without_a_usable_image_it_takes_no_commands(cluster, commands, other, tmp_path):
    images = tmp_path / "images"
    (images / "default").mkdir(parents=True)  # empty
    (images / "Wrong_Name").mkdir()
    other.start(images=images)
    other.wait_until_ready_is("False")

    commands.create("it", other.spec(shell="echo it-ran"))
    commands.wait_until("it", waits_because("NoExecutorAvailable"))
    assert "NoUsableImage" in cluster.kubectl("get", "sandboxexecutor", other.node, "-o", "yaml").stdout
    log = other.log.read_text()
    assert "the directory is empty" in log
    assert "Wrong_Name" in log


def test_only_usable_images_are_offered(cluster, commands, other, tmp_path):
    images = tmp_path / "images"
    (images / "small" / "bin").mkdir(parents=True)
    (images / "empty").mkdir()
    other.start(images=images)
    other.wait_until_ready_is("True")

    assert cluster.kubectl("get", "sandboxexecutor", other.node, "--no-headers").stdout.split()[3] == "small"
    commands.create("it", other.spec(shell="echo it-ran", image="empty"))
    waiting = commands.wait_until("it", waits_because("ImageNotFound"))
    assert "offered: small" in condition(waiting, "Scheduled")["message"]
