"""One fault run: its plan is carried out, everything heals and settles, and what happened is checked."""

import asyncio
import json
import time
from dataclasses import dataclass, field

from checker import Violation, check_command
from components import NotReady
from history import Recorder
from injection import Injection
from owner import Owner, wait_until
from plans import AtStep, describe

# Once nothing hinders them any more, every command has to end, and all writing with it.
SETTLE_SECONDS = 30
QUIET_SECONDS = 0.3


@dataclass
class Outcome:
    plan: object
    seconds: float = 0
    violations: list = field(default_factory=list)
    faults: list = field(default_factory=list)  # as text, with what became of them
    records: dict = field(default_factory=dict)
    logs: dict = field(default_factory=dict)

    def save(self, folder):
        """The plan, the history, and what the programs logged meanwhile."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plan.txt").write_text("\n".join(map(str, (*self.plan.commands, *self.faults, *self.violations))) + "\n")
        (folder / "history.json").write_text(json.dumps({nonce: {
            "versions": [vars(version) for version in record.versions], "opened": [vars(one) for one in record.opened],
            "starts": [vars(one) for one in record.starts]} for nonce, record in self.records.items()}, indent=1))
        for name, text in self.logs.items():
            (folder / f"{name}.log").write_text(text)


class FaultRuns:
    """Runs plans, one after the other, on one cluster that lives on between them."""

    def __init__(self, cluster, recorder: Recorder):
        self._cluster = cluster
        self._recorder = recorder
        self._owner = Owner(cluster, recorder)

    async def run(self, plan):
        outcome = Outcome(plan)
        started = time.monotonic()
        commands = list(plan.all_commands())
        injection = Injection(self._cluster, plan.faults)
        try:
            await self._cluster.wait_ready()
        except NotReady as problem:
            outcome.violations.append(Violation("ready", "cluster", str(problem)))
        await asyncio.gather(injection.run(), *(self._owner.carry_out(command) for command in plan.commands))
        # Rules that wait for a step of a command are still armed.
        await wait_until(lambda: self._have_ended(commands), 2)
        await injection.heal()
        await wait_until(lambda: self._have_ended(commands), SETTLE_SECONDS)
        if not await wait_until(self._is_quiet, SETTLE_SECONDS):
            outcome.violations.append(Violation("quiet", "cluster", f"writes went on for {SETTLE_SECONDS} s after all had ended: "
                                                f"{self._command_writes()[-3:]}"))
        self._recorder.check_alive()
        self._judge(outcome, commands, injection)
        await self._clean_up(commands)
        outcome.seconds = time.monotonic() - started
        return outcome

    def _have_ended(self, commands):
        return all(map(self._owner.has_its_end, commands))

    def _command_writes(self):
        return [write for component in self._cluster.components.values() for write in component.proxy.writes
                if "/sandboxcommands" in write.path]

    def _is_quiet(self):
        """L2: nobody writes to a command, or tries to."""
        latest = max((write.time for write in self._command_writes()), default=0)
        return (asyncio.get_running_loop().time() - latest >= QUIET_SECONDS
                and time.time() - self._recorder.last_change >= QUIET_SECONDS)

    def _judge(self, outcome, commands, injection):
        plan = outcome.plan
        outcome.logs = self._recorder.read_logs()
        outcome.records = {command.nonce: self._recorder.records[command.nonce] for command in commands}
        for command in commands:
            outcome.violations += check_command(command, outcome.records[command.nonce], plan.nodes_that_may_be_lost)
        for nonce in set(self._recorder.records) - set(outcome.records):
            outcome.violations.append(Violation("strangers", nonce, "nobody planned it"))
        outcome.violations += [Violation("crashes", "cluster", crash) for crash in self._cluster.take_crashes()]
        rules = iter(injection.rules)
        outcome.faults = [describe(fault) + ("" if not isinstance(fault, AtStep) or next(rules).fired else " (not reached)")
                          for fault in plan.faults]

    async def _clean_up(self, commands):
        await self._owner.remove(commands)
        for nonce in list(self._recorder.records):
            self._recorder.forget(nonce)
        for component in self._cluster.components.values():
            component.proxy.writes.clear()
