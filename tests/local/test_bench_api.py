"""scripts/bench api: what it makes of logs, metrics and times, and how its client sees commands end."""

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))

import bare_runsc  # noqa: E402
from api import per_second  # noqa: E402
from api_bounds import API, RUNSC_DO, RUNSC_RUN, Bound, bounds_of, ratios_of  # noqa: E402
from evidence import Evidence  # noqa: E402
from job import Jobs  # noqa: E402
from kubernetes_api import Server, Watch  # noqa: E402
from milestones import STAGES, milestones, nanoseconds, requests_of, stage_times, taken_times  # noqa: E402
from sandbox_commands import SandboxCommands, Seen  # noqa: E402
from side_by_side import CannotMeasure  # noqa: E402
from traffic import per_command, total  # noqa: E402
from usage import resident, used, with_its_own  # noqa: E402

DAY = nanoseconds("2026-01-01T00:00:00Z")
STARTS = "2026-01-01T00:00:00.010500Z info command starts command=team-a/true-1 uid=u attempt=1\n"


def at(milliseconds):
    return f"2026-01-01T00:00:00.{milliseconds:03}000Z"


def audited(verb, who, arrived, name="true-1", subresource="", stage="ResponseComplete", resource="sandboxcommands"):
    return json.dumps({"stage": stage, "verb": verb, "user": {"username": f"system:serviceaccount:fumehood-system:{who}"},
                       "objectRef": {"resource": resource, "name": name, "subresource": subresource},
                       "requestReceivedTimestamp": at(arrived), "stageTimestamp": at(arrived + 2)}) + "\n"


LIFE = [audited("create", "admin", 1), audited("patch", "fumehood-controller", 4, subresource="status"),
        audited("patch", "fumehood-executor", 20, subresource="status")]


def seen_one():
    one = Seen("true-1", sent=DAY, answered=DAY + 3_500_000, stored=DAY + 3_000_000, bound=DAY + 8_000_000, visible=DAY + 25_000_000)
    one.status = {"startTime": at(12), "completionTime": at(17)}
    return one


class TestMilestones:
    @pytest.mark.parametrize("text,after", [("2026-01-01T00:00:00Z", 0), ("2026-01-01T00:00:01.5Z", 1_500_000_000),
                                            ("2026-01-01T00:00:00.000001Z", 1_000), ("2026-01-01T00:00:00.000000001Z", 1)])
    def test_times(self, text, after):
        assert nanoseconds(text) == DAY + after

    def test_the_stages_of_one_command_are_all_of_its_time(self):
        found = milestones([seen_one()], taken_times([STARTS]), requests_of(LIFE))

        assert [values for _, values in stage_times(found)] == [[1], [2], [1], [4], [2.5], [1.5], [5], [3], [5]]
        assert found["true-1"]["report_answered"] == DAY + 22_000_000
        assert len({what for _, _, what in STAGES}) == len(STAGES)

    @pytest.mark.parametrize("lacking", range(4))
    def test_a_command_that_one_of_the_logs_lacks_is_left_out(self, lacking):
        log = [STARTS] if lacking < 3 else []

        assert milestones([seen_one()], taken_times(log), requests_of(LIFE[:lacking] + LIFE[lacking + 1:])) == {}

    @pytest.mark.parametrize("line", [audited("watch", "admin", 1), audited("create", "admin", 1, resource="leases"),
                                      audited("create", "admin", 1, stage="ResponseStarted")])
    def test_what_is_no_write_of_a_command(self, line):
        assert requests_of([line]) == []

    @pytest.mark.parametrize("line,kind", [(LIFE[0], "create"), (LIFE[1], "bind"), (LIFE[2], "report"), (audited("delete", "admin", 1), "other"),
                                           (audited("patch", "admin", 1, subresource="status"), "other")])
    def test_kinds_of_requests(self, line, kind):
        assert [request.kind for request in requests_of([line])] == [kind]

    def test_other_lines_of_the_executor(self):
        assert taken_times(["2026-01-01T00:00:00.010500Z info command finished command=team-a/true-1 uid=u\n", "runsc said something\n"]) == {}


class TestEvidence:
    @pytest.fixture
    def logs(self, tmp_path):
        (tmp_path / "audit.log").write_text(audited("patch", "fumehood-executor", 1, name="earlier", subresource="status"))
        (tmp_path / "executor.log").write_text("")
        return tmp_path

    def test_what_came_since(self, logs):
        evidence = Evidence(logs)
        with (logs / "audit.log").open("a") as log:
            log.writelines([*LIFE, audited("create", "admin", 30, name="another"), '{"half'])
        (logs / "executor.log").write_text(STARTS)

        taken, requests = evidence.read({"true-1"})

        assert taken == {"true-1": DAY + 10_500_000}
        assert [request.kind for request in requests] == ["create", "bind", "report"]

    def test_a_report_that_is_missing(self, logs):
        evidence = Evidence(logs)
        evidence.PATIENCE = 0

        with pytest.raises(CannotMeasure, match="does not show all the reports"):
            evidence.read({"true-1"})


METRICS = """# HELP apiserver_request_total Counter of requests
apiserver_request_total{code="201",resource="sandboxcommands",subresource="",verb="POST"} 7
apiserver_request_total{code="200",resource="sandboxcommands",subresource="status",verb="PATCH"} 1e+01
apiserver_request_total{code="409",resource="sandboxcommands",subresource="status",verb="PATCH"} 4
plain 0.5
plain_and_more 3
"""


class TestTraffic:
    def test_samples_of_a_name_with_labels(self):
        assert total(METRICS, "plain") == 0.5
        assert total(METRICS, "apiserver_request_total", verb="PATCH", resource="sandboxcommands") == 14
        assert total(METRICS, "apiserver_request_total", verb="DELETE") == 0

    def test_what_did_not_happen_is_left_out(self):
        assert per_command({"a": 1, "b": 2}, {"a": 1, "b": 12}, 5) == {"b": 2}


class TestBounds:
    @pytest.mark.parametrize("figure,is_floor,holds", [(20, False, True), (20.01, False, False), (20, True, True), (19.99, True, False)])
    def test_a_bound_holds_where_it_is_met(self, figure, is_floor, holds):
        bound = Bound("x", figure, 20, " ms", is_floor)

        assert bound.holds == holds
        assert ("holds" in str(bound)) == holds and ("EXCEEDED" in str(bound)) != holds

    def test_each_figure_stands_before_its_own_bound(self):
        ratios = ratios_of({API: [1.0] * 6, RUNSC_DO: [5.0] * 6, RUNSC_RUN: [4.0] * 6})
        bounds = bounds_of({"p50": 1, "p99": 2}, ratios, 0.9, {"warm sandbox": 3 << 20, "executor": 4 << 20})

        assert [rival for rival, _ in ratios] == [RUNSC_DO, RUNSC_RUN]
        assert [(bound.figure, bound.limit) for bound in bounds] == [(1, 20), (2, 60), (0.2, 0.25), (0.9, 0.85), (3, 17), (4, 30)]
        assert all(bound.holds for bound in bounds)


class TestUsage:
    def test_what_nobody_accounts_for_is_the_rest(self):
        before = {"clock": 0, "etcd": 1, "client": 1, "machine": 10}

        assert used(before, {"clock": 5, "etcd": 2, "client": 3, "machine": 18}) == {"clock": 5, "etcd": 1, "client": 2, "machine": 8, "rest": 5}

    def test_a_process_and_what_it_has_forked(self):
        code = "import os, time; child = os.fork(); child and os.system('sleep 60 &'); print(child, flush=True) if child else None; time.sleep(60)"
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
            child = int(process.stdout.readline())
            try:
                assert with_its_own(process.pid) == [process.pid, child]
                assert resident([process.pid]) < resident([process.pid, child]) < 2 * resident([process.pid])
            finally:
                os.killpg(process.pid, 9)

    def test_what_ends_in_the_lead_in_or_too_late_does_not_count(self):
        assert per_second([1, 4.9, 5, 6, 14.9, 15], 15) == 0.3


class TestBareRunsc:
    @pytest.fixture
    def bundle(self, tmp_path):
        with bare_runsc.bundle(tmp_path / "bundle", tmp_path) as folder:
            yield folder
        assert not folder.exists()

    def test_loops(self, bundle, tmp_path):
        runsc = program(tmp_path / "runsc", f'echo "$@" >>{tmp_path}/calls; sleep 0.1')

        ends = bare_runsc.keep_running(runsc, bundle, 2, 0.35)

        calls = (tmp_path / "calls").read_text().splitlines()
        assert len(ends) == len(set(calls)) == len(calls) >= 4
        assert json.loads((bundle / "config.json").read_text())["process"]["args"] == ["/bin/true"]

    def test_what_fails_is_not_timed(self, bundle, tmp_path):
        with pytest.raises(CannotMeasure, match="ended with 3: no such thing"):
            bare_runsc.keep_running(program(tmp_path / "runsc", "echo no such thing >&2; exit 3"), bundle, 1, 1)


class FakeApi:
    """Takes SandboxCommands and Jobs and shows them to watchers, ended as it was told."""

    def __init__(self, phase="Succeeded"):
        self._events = []
        self._changed = threading.Condition()
        self._ended = False
        self.phase = phase
        self.deleted = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, document):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.headers["Authorization"] != "Bearer secret":
                    return self.answer(401, {"message": "who are you?"})
                if document["kind"] == "SandboxCommand":
                    bound = {"nodeName": "node-a", "phase": "Scheduled"}
                    fake.show(document, {}, bound, bound | {"phase": fake.phase, "completionTime": at(1)})
                if document["kind"] == "Job":
                    fake.show(document, {}, {"conditions": [{"type": "SuccessCriteriaMet", "status": "True"}]},
                              {"conditions": [{"type": fake.phase, "status": "True"}]})
                return self.answer(201, document)

            def do_DELETE(self):
                fake.deleted.append(self.path)
                self.answer(200, {})

            def do_GET(self):
                if "watch=1" not in self.path:
                    return self.answer(200, {"metadata": {"resourceVersion": "7"}})
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for event in fake.events():
                    line = json.dumps(event).encode() + b"\n"
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_):
                pass
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def show(self, document, *versions):
        with self._changed:
            for number, status in enumerate(versions):
                self._events.append({"type": "MODIFIED" if number else "ADDED", "object": document | {"status": status}})
            self._changed.notify_all()

    def events(self):
        told = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda told=told: len(self._events) > told or self._ended)
                if self._ended:
                    return
                event = self._events[told]
            told += 1
            yield event

    def end_watches(self):
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self):
        self.end_watches()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve(tmp_path):
    """Starts a FakeApi; a Server that knows it, from a kubeconfig in tmp_path."""
    started = []

    def serve(token="secret", **options):
        started.append(FakeApi(**options))
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(json.dumps({
            "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": started[-1].url}}], "users": [{"name": "u", "user": {"token": token}}]}))
        return started[-1], Server(kubeconfig)
    yield serve
    for api in started:
        api.close()


class TestClient:
    def test_a_command_is_seen_from_its_creation_to_its_result(self, serve):
        _, server = serve()
        commands = SandboxCommands(server, "bench")

        one, another = commands.run_one_at_a_time(2, lambda: None)

        assert one.sent < one.stored <= one.bound <= one.visible < another.sent
        assert one.sent < one.answered and one.latency == (one.visible - one.sent) / 1e9
        assert one.request_bytes > 0 and one.answer_bytes > 0
        commands.close()

    def test_several_at_any_time(self, serve):
        _, server = serve()
        commands = SandboxCommands(server, "bench")

        seen = commands.keep_running(4, 0.2)

        assert len({one.name for one in seen}) == len(seen) >= 4
        commands.close()

    def test_a_command_that_fails_is_not_timed(self, serve):
        _, server = serve(phase="Failed")
        commands = SandboxCommands(server, "bench")

        with pytest.raises(CannotMeasure, match="did not succeed"):
            commands.run_one_at_a_time(1, lambda: None)
        commands.close()

    @pytest.mark.parametrize("condition,works", [("Complete", True), ("Failed", False)])
    def test_a_job(self, serve, tmp_path, condition, works):
        api, _ = serve(phase=condition)
        jobs = Jobs(tmp_path / "kubeconfig", "busybox")

        if works:
            assert 0 < jobs.run_once() < 10
            assert 0 < jobs.run_once() < 10
        else:
            with pytest.raises(CannotMeasure, match="is \\['Failed'\\]"):
                jobs.run_once()
        assert len(set(api.deleted)) == (2 if works else 1)
        jobs.close()

    def test_who_is_refused(self, serve):
        _, server = serve(token="another")

        with pytest.raises(CannotMeasure, match="401.*who are you"):
            SandboxCommands(server, "bench")

    def test_a_watch_that_ends_is_a_failure_and_one_that_is_closed_is_not(self, serve):
        api, server = serve()
        closed = Watch(server, "/things", lambda *_: None)
        closed.close()
        ended = Watch(server, "/things", lambda *_: None)
        api.end_watches()

        deadline = time.monotonic() + 10
        while ended.failure is None and time.monotonic() < deadline:
            time.sleep(0.01)

        assert closed.failure is None and "ended the watch" in str(ended.failure)


def program(path, *lines):
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path
