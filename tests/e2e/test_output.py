"""Outputs that are long, binary, or made to break what stores them."""

import shutil

import pytest

from sandbox_commands import outcome, output

pytestmark = pytest.mark.needs_executor

LARGEST = 262144


def truncated(written, max_bytes):
    half = max_bytes // 2
    return written[:half] + f"\n[fumehood: {len(written) - max_bytes} bytes omitted]\n".encode() + written[-half:]


@pytest.mark.parametrize("max_bytes", [16384, LARGEST])
def test_long_output_keeps_head_and_tail(run, max_bytes):
    written = "".join(f"{number}\n" for number in range(1, 60001)).encode()
    assert len(written) > 300 * 1024

    command = run(shell="seq 1 60000", output={"maxBytes": max_bytes})

    status = command["status"]
    assert output(command) == truncated(written, max_bytes)
    assert (status["stdoutBytes"], status["stdoutTruncated"], status["outputEncoding"]) == (len(written), True, "utf-8")
    assert (status["stderrBytes"], status["stderrTruncated"]) == (0, False)


def test_output_of_just_the_limit_is_whole(run):
    command = run(shell="head -c 16384 /dev/zero | tr '\\0' x")

    assert output(command) == b"x" * 16384
    assert command["status"]["stdoutTruncated"] is False


def test_streams_are_cut_each_for_itself(run):
    command = run(shell="seq 1 60000 >&2; echo short", output={"maxBytes": 1024})

    assert output(command) == b"short\n"
    assert command["status"]["stderrTruncated"] is True
    assert output(command, "stderr").startswith(b"1\n2\n") and output(command, "stderr").endswith(b"60000\n")


def test_output_may_be_left_out_and_is_counted(run):
    command = run(shell="echo hello", output={"maxBytes": 0})

    assert (command["status"]["stdoutBytes"], command["status"]["stdoutTruncated"]) == (6, True)
    assert output(command) == b"\n[fumehood: 6 bytes omitted]\n"


@pytest.mark.parametrize(("filler", "byte"), [
    pytest.param("cat", b"\0", id="nul"),
    pytest.param("tr '\\0' '<'", b"<", id="less-than"),
    pytest.param("tr '\\0' '\\033'", b"\x1b", id="escape"),
])
def test_flood_that_json_would_blow_up_becomes_base64(run, filler, byte):
    command = run(shell=f"head -c 300000 /dev/zero | {filler}; head -c 300000 /dev/zero | {filler} >&2", output={"maxBytes": LARGEST})

    assert outcome(command) == ("Succeeded", "ExitedZero")
    assert command["status"]["outputEncoding"] == "base64"
    for stream in ("stdout", "stderr"):
        assert output(command, stream) == truncated(byte * 300000, LARGEST)
        assert command["status"][f"{stream}Bytes"] == 300000


def test_binary_output_is_kept_byte_by_byte(run):
    command = run(shell="printf '\\377\\376\\000\\001'; echo text >&2")

    assert command["status"]["outputEncoding"] == "base64"
    assert (output(command), output(command, "stderr")) == (b"\xff\xfe\0\x01", b"text\n")


def test_text_of_other_scripts_stays_text(run):
    command = run(command=["printf", "%s", "größer 大 😀"])

    assert (command["status"]["outputEncoding"], command["status"]["stdout"]) == ("utf-8", "größer 大 😀")


def test_cut_through_a_character_stays_text(run):
    command = run(shell="i=0; while [ $i -lt 500 ]; do printf '大'; i=$((i+1)); done", output={"maxBytes": 100})

    status = command["status"]
    head, tail = status["stdout"].split("\n[fumehood: ")
    assert status["outputEncoding"] == "utf-8"
    assert head == "大" * 16
    assert tail.endswith(" bytes omitted]\n" + "大" * 16)
    assert status["stdoutBytes"] == 1500


def test_endless_output_does_not_escape_the_time_limit(run):
    command = run(command=["yes"], timeoutSeconds=1)

    assert outcome(command) == ("TimedOut", "DeadlineExceeded")
    assert command["status"]["stdoutTruncated"] is True
    assert output(command).startswith(b"y\ny\n")


def test_children_that_go_on_writing_do_not_delay_the_end(run, repository, hostile):
    path, folder = repository({"file": ""})
    shutil.copy(hostile, folder / "hostile")

    command = run(command=["./hostile", "leave-writers", "6"], repository={"path": path}, timeoutSeconds=60)

    assert command["status"]["exitCode"] == 7
    assert command["status"]["durationMillis"] < 30_000


def test_closed_outputs_are_no_end(run, repository, hostile):
    path, folder = repository({"file": ""})
    shutil.copy(hostile, folder / "hostile")

    command = run(command=["./hostile", "close-outputs"], repository={"path": path})

    assert command["status"]["exitCode"] == 9
    assert command["status"]["durationMillis"] >= 100
