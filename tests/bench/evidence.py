"""What the cluster's logs say of commands."""

import time

from milestones import requests_of, taken_times
from side_by_side import CannotMeasure


class Evidence:
    """`logs`: where scripts/dev has them."""

    PATIENCE = 5  # seconds

    def __init__(self, logs):
        self._audit, self._executor = logs / "audit.log", logs / "executor.log"
        self.forget()

    def forget(self):
        """What is there so far doesn't count."""
        self._from = {log: log.stat().st_size for log in (self._audit, self._executor)}

    def read(self, names):
        """The times at which the commands were taken, and the requests about them; waits for what is still being written."""
        end = time.monotonic() + self.PATIENCE
        while True:
            requests = [one for one in requests_of(self._lines(self._audit)) if one.command in names]
            if sum(one.kind == "report" for one in requests) >= len(names):
                taken = taken_times(line.decode(errors="replace") for line in self._lines(self._executor))
                return {name: at for name, at in taken.items() if name in names}, requests
            if time.monotonic() > end:
                raise CannotMeasure(f"{self._audit} does not show all the reports")
            time.sleep(0.1)

    def _lines(self, log):
        with log.open("rb") as opened:
            opened.seek(self._from[log])
            return [line for line in opened.read().splitlines(keepends=True) if line.endswith(b"\n")]
