"""How a command in a cluster is waited for when connections break, histories end and executors are missing."""

import pytest

pytest.importorskip("kubernetes", reason="the extra kubernetes is not installed")

from fumehood import AccessDenied, Cancellation, ClusterUnavailable, CommandNotStarted, RunFailed, _cluster
from fumehood._backends import ClusterOptions
from fumehood._cluster import ClusterBackend
from fumehood._cluster_api import HistoryGone, ObjectGone
from fumehood._request import command_request

REQUEST = command_request(shell="true", repo_path="sample")


def command(version, phase="", reason=""):
    """The object in one of its states; a reason without a phase is why it waits."""
    conditions = [{"type": "Scheduled", "status": "True" if phase else "False", "reason": reason, "message": "so"}]
    if phase == "Succeeded":
        conditions += [{"type": kind, "status": "True", "reason": "ExitedZero"} for kind in ("Finished", "Succeeded")]
    return {
        "metadata": {"name": "command-1", "resourceVersion": version},
        "status": {"phase": phase, "conditions": conditions, "exitCode": 0},
    }


DONE = command("9", "Succeeded")


class FakeApi:
    """An API server that holds one command, and whose watches are those that the test gives, one after the other."""

    def __init__(self, watches=(), lists=(), creation=None, deletable=True):
        self._watches = list(watches)
        self._lists = list(lists)
        self._creation = creation or command("1")
        self._deletable = deletable
        self.watched_from = []
        self.did = []

    def create(self, made):
        if isinstance(self._creation, Exception):
            raise self._creation
        return self._creation

    def list(self, *, field_selector="", label_selector=""):
        self.did.append("list by label" if label_selector else "list by name")
        listed = self._lists.pop(0)
        if isinstance(listed, Exception):
            raise listed
        return "7", listed

    def watch(self, name, version, seconds):
        self.watched_from.append(version)
        for event in self._watches.pop(0) if self._watches else []:
            if isinstance(event, BaseException):
                raise event
            yield event

    def cancel(self, name):
        self.did.append("cancel")

    def delete(self, name):
        self.did.append("delete")
        if not self._deletable:
            raise ObjectGone


def run(api, **options):
    return ClusterBackend(api, ClusterOptions(**options)).run(REQUEST, Cancellation())


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(_cluster, "_FIRST_PAUSE", 0)
    monkeypatch.setattr(_cluster, "_LONGEST_PAUSE", 0)


def test_a_watch_that_ends_is_resumed_where_it_was():
    bookmark = ("BOOKMARK", {"metadata": {"resourceVersion": "5"}})
    api = FakeApi([[("MODIFIED", command("2", "Running"))], [bookmark], [], [("MODIFIED", DONE)]])
    assert run(api).success
    assert api.watched_from == ["1", "2", "5", "5"]
    assert api.did == ["delete"]


def test_a_connection_that_breaks_is_made_anew():
    api = FakeApi([[("MODIFIED", command("2", "Running")), ClusterUnavailable("reset")], [("MODIFIED", DONE)]])
    assert run(api).success
    assert api.watched_from == ["1", "2"]


def test_when_the_history_is_gone_the_command_is_listed():
    api = FakeApi([[HistoryGone()], [("MODIFIED", DONE)]], lists=[[command("3", "Running")]])
    assert run(api).success
    assert api.watched_from == ["1", "7"]


def test_an_end_that_only_the_list_shows_is_enough():
    assert run(FakeApi([[HistoryGone()]], lists=[[DONE]])).success


def test_an_answer_that_was_lost_is_found_again():
    api = FakeApi([[("MODIFIED", DONE)]], lists=[[command("3")]], creation=ClusterUnavailable("reset"))
    assert run(api).success
    assert api.did == ["list by label", "delete"]


def test_a_command_that_was_never_created_is_an_error():
    api = FakeApi(lists=[[], []], creation=ClusterUnavailable("connection refused"))
    with pytest.raises(ClusterUnavailable, match="connection refused"):
        run(api)
    assert "delete" not in api.did


def test_a_refusal_is_not_looked_after():
    api = FakeApi(creation=AccessDenied("no"))
    with pytest.raises(AccessDenied):
        run(api)
    assert api.did == []


def test_a_command_that_somebody_deletes_has_failed():
    api = FakeApi([[("MODIFIED", command("2", "Running", "Bound")), ("DELETED", command("3", "Running", "Bound"))]])
    with pytest.raises(RunFailed, match=r"was deleted before it had ended: Bound: so"):
        run(api)


def test_a_command_that_is_gone_from_the_list_has_failed():
    with pytest.raises(RunFailed, match="was deleted before it had ended"):
        run(FakeApi([[HistoryGone()]], lists=[[]]))


def test_a_command_that_nobody_takes_is_cancelled_and_says_why():
    api = FakeApi([[("MODIFIED", command("2", reason="NoExecutorAvailable"))]])
    with pytest.raises(CommandNotStarted, match=r"within 0\.2 s, and it was cancelled: NoExecutorAvailable: so"):
        run(api, start_timeout=0.2)
    assert api.did == ["cancel", "delete"]


def test_a_command_that_runs_far_beyond_its_time_is_given_up(monkeypatch):
    monkeypatch.setattr(_cluster, "_ALLOWANCE", -59.9)
    api = FakeApi([[("MODIFIED", command("2", "Running", "Bound"))]])
    with pytest.raises(RunFailed, match="has not ended in time"):
        run(api)
    assert api.did == ["cancel", "delete"]


def test_an_absence_of_the_server_ends_at_some_time(monkeypatch):
    monkeypatch.setattr(_cluster, "_ABSENCE", 0)
    refused = [ClusterUnavailable("connection refused")]
    api = FakeApi([refused, refused])
    with pytest.raises(ClusterUnavailable):
        run(api)
    assert api.did == ["cancel", "delete"]


def test_a_server_that_answers_between_two_breaks_was_not_away(monkeypatch):
    monkeypatch.setattr(_cluster, "_ABSENCE", 0)
    broken = [[("MODIFIED", command(str(version), "Running")), ClusterUnavailable("reset")] for version in (2, 3, 4)]
    assert run(FakeApi([*broken, [("MODIFIED", DONE)]])).success


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, AccessDenied])
def test_whatever_interrupts_the_wait_ends_the_command(interruption):
    api = FakeApi([[("MODIFIED", command("2", "Running")), interruption("now")]])
    with pytest.raises(interruption):
        run(api)
    assert api.did == ["cancel", "delete"]


def test_what_is_to_be_kept_is_not_deleted():
    api = FakeApi([[("MODIFIED", DONE)]])
    assert run(api, keep=True).name == "command-1"
    assert api.did == []
    interrupted = FakeApi([[KeyboardInterrupt()]])
    with pytest.raises(KeyboardInterrupt):
        run(interrupted, keep=True)
    assert interrupted.did == ["cancel"]


def test_an_object_that_is_already_gone_is_no_error():
    assert run(FakeApi([[("MODIFIED", DONE)]], deletable=False)).success


def test_a_cancelled_command_that_does_not_end_is_given_up(monkeypatch):
    monkeypatch.setattr(_cluster, "_GRACE", 0.1)
    cancellation = Cancellation()
    cancellation.cancel()
    api = FakeApi([[("MODIFIED", command("2", "Running", "Bound"))]])
    with pytest.raises(RunFailed, match="has not ended in time"):
        ClusterBackend(api, ClusterOptions()).run(REQUEST, cancellation)
    assert "cancel" in api.did
