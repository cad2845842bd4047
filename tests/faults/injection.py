"""Performs the faults of a plan on a cluster, and takes them back."""

import asyncio
import shutil

import plans
from rules import STEPS, Rule


class Injection:
    def __init__(self, cluster, faults):
        self._cluster = cluster
        self._faults = faults
        self.rules = []  # of the faults that wait for a step

    async def run(self):
        """Returns when every fault is over, except for those that wait for their step."""
        for fault in self._faults:
            if isinstance(fault, plans.AtStep):
                self._arm(fault)
        await asyncio.gather(*(self._perform(fault) for fault in self._faults))

    async def heal(self):
        """From here on everything works, or is about to."""
        for component in self._cluster.components.values():
            await component.proxy.heal()
            component.program.resume()
            component.program.start_now()

    def _arm(self, fault):
        role = self._cluster.controllers if fault.role == "controller" else self._cluster.executors
        rule = Rule(STEPS[fault.step], fault.action, fault.nth)
        self.rules.append(rule)
        for component in role:
            component.down_for = fault.down_for
            component.proxy.rules.append(rule)

    async def _perform(self, fault):
        await asyncio.sleep(getattr(fault, "at", 0))
        match fault:
            case plans.Kill(target, _, down_for, new_pod, lose_ledger):
                component = self._find(target, new_pod, lose_ledger)
                component.program.kill(down_for)
                await asyncio.sleep(down_for)
            case plans.Drain(target, _, down_for, new_pod):
                component = self._find(target, new_pod)
                await component.program.terminate(down_for)
                await asyncio.sleep(down_for)
            case plans.Pause(target, _, seconds):
                component = self._find(target)
                component.program.pause()
                await asyncio.sleep(seconds)
                component.program.resume()
            case plans.Partition(target, _, seconds):
                proxy = self._find(target).proxy
                proxy.black_hole()
                await asyncio.sleep(seconds)
                proxy.end_black_hole()
            case plans.CutAll(target):
                self._find(target).proxy.cut_all()
            case plans.Outage(_, seconds):
                proxies = [component.proxy for component in self._cluster.components.values()]
                for proxy in proxies:
                    proxy.refuse()
                await asyncio.sleep(seconds)
                for proxy in proxies:
                    await proxy.accept()
            case plans.ApiServerRestart():
                await self._cluster.restart_api_server()

    def _find(self, target, new_pod=False, lose_ledger=False):
        component = self._cluster.find(target)

        async def prepare():
            if lose_ledger:
                shutil.rmtree(component.ledger, ignore_errors=True)
            if new_pod:
                await self._cluster.provide_identity(component)
        if new_pod or lose_ledger:
            component.program.before_start = prepare
        return component
