"""Finds the command line program `fumehood`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fumehood._errors import ProgramNotFound

VARIABLE = "FUMEHOOD_PROGRAM"
_NAME = "fumehood"


def find_program(named: str | os.PathLike[str] | None = None) -> str:
    """The program that is named; else that of $FUMEHOOD_PROGRAM; else beside this Python, or on the PATH.

    Never one in the current directory, which may be a repository that nobody trusts. Raises ProgramNotFound.
    """
    if named is not None:
        return _explicit(os.fspath(named), "program")
    if from_environment := os.environ.get(VARIABLE):
        return _explicit(from_environment, VARIABLE)
    folders = [Path(sys.executable).parent] if sys.executable else []
    folders += [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if os.path.isabs(entry)]
    for folder in folders:
        if _is_program(folder / _NAME):
            return str(folder / _NAME)
    raise ProgramNotFound(
        f"there is no program {_NAME} in {', '.join(map(str, folders))}: install Fumehood's command line, "
        f"or name it by {VARIABLE}"
    )


def _explicit(path: str, where: str) -> str:
    if not _is_program(Path(path)):
        raise ProgramNotFound(f'"{path}", which {where} names as {_NAME}, is no program that we may execute')
    return os.path.abspath(path)


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
