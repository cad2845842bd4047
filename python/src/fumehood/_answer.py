"""Reads what `fumehood run --json` prints."""

from __future__ import annotations

import base64
import json
from typing import Any

from fumehood._errors import FumehoodError, InvalidRequest, IsolationUnavailable, RunFailed
from fumehood._result import CommandResult, Isolation

_ERRORS: dict[str, type[FumehoodError]] = {
    "invalid": InvalidRequest,
    "too large": InvalidRequest,
    "not found": IsolationUnavailable,
    "forbidden": IsolationUnavailable,
    "unavailable": IsolationUnavailable,
}
# What the CLI reports as an ending, and the caller can only mend by asking for something else.
_NOT_RUN = frozenset({"RepositoryUnavailable", "WorkingDirUnavailable", "ImageUnavailable"})


def read_answer(text: bytes) -> CommandResult | FumehoodError:
    """The result, or why there is none. Raises ValueError for what is no answer at all."""
    answer = json.loads(text)
    try:
        if "error" in answer:
            error = answer["error"]
            return _ERRORS.get(error["code"], RunFailed)(error["message"])
        if answer["reason"] in _NOT_RUN:
            return InvalidRequest(f"{answer['reason']}: {answer['message']}")
        return _result(answer)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the answer lacks {error}") from error


def _result(answer: dict[str, Any]) -> CommandResult:
    stdout, stderr = (output_bytes(answer[stream], answer["output_encoding"]) for stream in ("stdout", "stderr"))
    isolation = answer["isolation"]
    return CommandResult(
        returncode=answer["returncode"],
        stdout=stdout.decode(errors="replace"),
        stderr=stderr.decode(errors="replace"),
        reason=answer["reason"],
        message=answer["message"],
        isolation=Isolation(
            backend=isolation["backend"],
            runtime=isolation["runtime"],
            version=isolation["version"],
            platform=isolation["platform"],
            network=isolation["network"],
            repository=isolation["repository"],
        ),
        signal=answer.get("signal"),
        startup=answer["startup_ms"] / 1000,
        duration=answer["duration_ms"] / 1000,
        stdout_bytes=stdout,
        stderr_bytes=stderr,
        stdout_size=answer["stdout_bytes"],
        stderr_size=answer["stderr_bytes"],
        stdout_truncated=answer["stdout_truncated"],
        stderr_truncated=answer["stderr_truncated"],
    )


def output_bytes(text: str, encoding: str) -> bytes:
    """The bytes of an output that stands in JSON, in the encoding "utf-8" or "base64"."""
    return base64.b64decode(text, validate=True) if encoding == "base64" else text.encode()
