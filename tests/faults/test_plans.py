import pytest

from plans import NODES, describe, make_plan
from rules import STEPS

SEEDS = range(1000)


def test_same_seed_gives_the_same_plan():
    assert [make_plan(seed) for seed in SEEDS] == [make_plan(seed) for seed in SEEDS]


def test_no_two_commands_of_a_plan_share_a_nonce():
    for seed in SEEDS:
        nonces = [command.nonce for command in make_plan(seed).all_commands()]
        assert len(nonces) == len(set(nonces))


def test_every_kind_of_fault_and_every_step_comes_up():
    faults = [fault for seed in SEEDS for fault in make_plan(seed).faults]
    assert {type(fault).__name__ for fault in faults} == {
        "Kill", "Drain", "Pause", "Partition", "CutAll", "Outage", "ApiServerRestart", "AtStep"}
    assert {fault.step for fault in faults if hasattr(fault, "step")} == STEPS.keys()


def test_every_fault_can_be_described_in_one_line():
    for seed in SEEDS:
        for fault in make_plan(seed).faults:
            assert describe(fault) and "\n" not in describe(fault)


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_of_an_executor_excuses_the_loss_of_its_attempts(step):
    plans = [make_plan(seed) for seed in SEEDS]
    killing = [plan for plan in plans for fault in plan.faults
               if getattr(fault, "step", None) == step and fault.role == "executor" and fault.action.kind.value.startswith("kill")]
    assert all(plan.nodes_that_may_be_lost == set(NODES) for plan in killing)
