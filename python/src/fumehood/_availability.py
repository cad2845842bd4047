"""Whether commands can be isolated on this machine."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from fumehood._cancellation import Cancellation
from fumehood._errors import FumehoodError
from fumehood._local import LocalBackend
from fumehood._request import command_request
from fumehood._result import Isolation


@dataclass(frozen=True)
class Availability:
    """True where a command really ran in gVisor."""

    available: bool
    reason: str
    """Why it doesn't work, and how to fix it; or what it was that worked."""
    isolation: Isolation | None = None
    """What confined the command that was tried."""

    def __bool__(self) -> bool:
        return self.available


_lock = threading.Lock()  # guards _known, and that only one tries at a time
_known: Availability | None = None


def is_gvisor_available(*, refresh: bool = False) -> Availability:
    """Runs `true` in gVisor, and says whether that worked and why not. It never raises.

    The answer is kept for the life of this process; `refresh` tries anew. A try takes up to a minute where gVisor or
    Docker hang, and about 0.3 s where all is well.
    """
    return find_out(Cancellation(), refresh=refresh)


def find_out(cancellation: Cancellation, *, refresh: bool) -> Availability:
    """is_gvisor_available; what was cancelled is not kept."""
    global _known
    with _lock:
        if _known is not None and not refresh:
            return _known
        found = _try_out(cancellation)
        if not cancellation.requested:
            _known = found
        return found


def _try_out(cancellation: Cancellation) -> Availability:
    # A directory that is everywhere and holds nothing secret; its content doesn't matter.
    request = command_request(command=["true"], repo_path="/usr/share", timeout=20)
    try:
        result = LocalBackend().run(request, cancellation)
    except FumehoodError as error:
        return Availability(False, str(error))
    confinement = result.isolation
    if not result.success:
        return Availability(False, f"`true` did not succeed: {result.reason} {result.message}".strip(), confinement)
    return Availability(True, f"{confinement.backend}: {confinement.runtime} {confinement.version}", confinement)
