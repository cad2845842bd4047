"""The program `fumehood-mcp`."""

from __future__ import annotations

import sys


def main() -> int:
    try:
        from fumehood.mcp import main as serve
    except ImportError as error:
        print(f"fumehood-mcp: {error}", file=sys.stderr)
        return 1
    return serve()
