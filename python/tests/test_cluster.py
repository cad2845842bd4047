"""Commands in a real cluster: a real API server, controller and executor."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import urllib.parse
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("kubernetes", reason="the extra kubernetes is not installed")

from fake_program import wait_until
from kubernetes import client
from kubernetes.config import incluster_config

from fumehood import (
    AccessDenied,
    AsyncFumehood,
    ClusterError,
    ClusterUnavailable,
    CommandNotStarted,
    Fumehood,
    InvalidRequest,
    NotInstalled,
    QuotaExceeded,
    Resources,
    RunFailed,
    _cluster_api,
)
from fumehood._backends import ClusterOptions
from fumehood._cluster import ClusterBackend

GROUP, VERSION, PLURAL = "fumehood.dev", "v1alpha1", "sandboxcommands"


class Cluster:
    """What the tests look at beside the package: the objects of one namespace, as the administrator."""

    def __init__(self, kubeconfig, namespace):
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self.api_client = _cluster_api.from_kubeconfig(kubeconfig, None, namespace)._api_client
        self.core = client.CoreV1Api(self.api_client)
        self.objects = client.CustomObjectsApi(self.api_client)

    def commands(self):
        return self.objects.list_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL)["items"]

    def phases(self):
        return [command.get("status", {}).get("phase") for command in self.commands()]

    def refuses_commands(self):
        spec = {"shell": "true", "repository": {"path": "sample"}}
        command = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "SandboxCommand",
            "metadata": {"name": "dry"},
            "spec": spec,
        }
        try:
            self.objects.create_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL, command, dry_run="All")
        except client.ApiException as error:
            return error.status == 403
        return False

    def delete_all(self):
        self.objects.delete_collection_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL)

    def open(self, **options):
        return Fumehood.from_kubeconfig(self.kubeconfig, namespace=self.namespace, **options)

    def open_as_nobody_much(self, *verbs):
        """As a service account that may do only this with SandboxCommands."""
        return Fumehood(ClusterBackend(self.with_token(self.token_of_account(*verbs)), ClusterOptions()))

    def token_of_account(self, *verbs):
        name = f"user-{uuid.uuid4().hex[:8]}"
        rules = client.RbacAuthorizationV1Api(self.api_client)
        self.core.create_namespaced_service_account(self.namespace, {"metadata": {"name": name}})
        if verbs:
            rule = {"apiGroups": [GROUP], "resources": [PLURAL], "verbs": list(verbs)}
            subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
            rules.create_namespaced_role(self.namespace, {"metadata": {"name": name}, "rules": [rule]})
            rules.create_namespaced_role_binding(
                self.namespace, {"metadata": {"name": name}, "subjects": [subject], "roleRef": role}
            )
            self._wait_until_allowed(f"system:serviceaccount:{self.namespace}:{name}", verbs[-1])
        request = {"spec": {"expirationSeconds": 3600, "audiences": []}}
        return self.core.create_namespaced_service_account_token(name, self.namespace, request).status.token

    def with_token(self, token):
        api = _cluster_api.from_kubeconfig(self.kubeconfig, None, self.namespace)
        configuration = api._api_client.configuration
        configuration.cert_file = configuration.key_file = None
        configuration.api_key = {"BearerToken": f"Bearer {token}"}
        return _cluster_api.CommandApi(client.ApiClient(configuration), self.namespace)

    def _wait_until_allowed(self, user, verb):
        attributes = {"namespace": self.namespace, "verb": verb, "group": GROUP, "resource": PLURAL}
        review = {"spec": {"user": user, "resourceAttributes": attributes}}
        reviews = client.AuthorizationV1Api(self.api_client)
        wait_until(lambda: reviews.create_subject_access_review(review).status.allowed)


@pytest.fixture
def cluster(kubeconfig):
    """A namespace of the test's own. It stays empty behind it where no controller manager runs."""
    name = f"python-{uuid.uuid4().hex[:10]}"
    found = Cluster(kubeconfig, name)
    found.core.create_namespace({"metadata": {"name": name}})
    yield found
    found.delete_all()
    found.core.delete_namespace(name)


@pytest.fixture
def fumehood(cluster):
    with cluster.open() as opened:
        yield opened


def test_a_command_runs_in_a_sandbox_and_its_object_is_deleted(cluster, fumehood):
    result = fumehood.run(
        ["sh", "-c", 'pwd; echo "$A"; cat', "sh"],
        repo_path="sample",
        working_dir="services/api",
        env={"A": "b"},
        stdin="ä",
    )
    assert result.stdout == "/workspace/services/api\nb\nä"
    assert (result.success, result.reason, result.returncode) == (True, "Exited", 0)
    assert (result.isolation.backend, result.isolation.runtime, result.isolation.network) == (
        "cluster",
        "runsc",
        "none",
    )
    assert result.name.startswith("command-")
    assert cluster.commands() == []


def test_arguments_arrive_as_they_are(fumehood):
    arguments = ["", "a b", "[a,b]", "--", "'", '"', "$HOME", "ä"]
    result = fumehood.run(["sh", "-c", 'printf "%s|" "$@"', "sh", *arguments], repo_path="sample")
    assert result.stdout == "".join(f"{argument}|" for argument in arguments)


def test_output_that_is_no_text_arrives_as_bytes(fumehood):
    result = fumehood.run_shell(r"printf '\377\n'; printf '\376' >&2", repo_path="sample")
    assert (result.stdout_bytes, result.stderr_bytes) == (b"\xff\n", b"\xfe")


ENDINGS = {
    "ExitStatus": ("exit 3", ("Exited", 3)),
    "Signal": ("kill -KILL $$", ("Signaled", 137)),
    "TimeOver": ("echo before; sleep 60", ("TimedOut", 124)),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_however_a_command_ends_it_is_a_result(name, fumehood):
    script, wanted = ENDINGS[name]
    result = fumehood.run_shell(script, repo_path="sample", timeout=2)
    assert (result.reason, result.returncode) == wanted
    assert result.stdout == ("before\n" if name == "TimeOver" else "")


def test_limits_and_access_are_the_clusters(fumehood):
    script = "grep MemTotal /proc/meminfo; echo new >new && cat new"
    result = fumehood.run_shell(
        script,
        repo_path="sample",
        access="Ephemeral",
        resources=Resources(memory="192Mi", cpu=0.5, pids=50, scratch="4Mi"),
    )
    assert result.stdout.split() == ["MemTotal:", str(192 * 1024), "kB", "new"]
    assert result.isolation.repository == "Ephemeral"


def test_a_program_that_is_not_there_is_a_result(fumehood):
    result = fumehood.run(["no-such-program"], repo_path="sample")
    assert (result.reason, result.returncode) == ("CommandNotFound", 127)


def test_a_repository_that_is_not_there_is_an_invalid_request(cluster, fumehood):
    with pytest.raises(InvalidRequest, match='RepositoryUnavailable: there is no repository "nowhere"'):
        fumehood.run(["true"], repo_path="nowhere")
    assert cluster.commands() == []


def test_what_the_schema_refuses_is_an_invalid_request_in_its_own_words(cluster, fumehood):
    with pytest.raises(InvalidRequest, match="must be a clean relative path"):
        fumehood.run(["true"], repo_path="../secrets")
    assert cluster.commands() == []


def test_an_object_that_is_kept_has_the_name_that_the_result_tells(cluster):
    with cluster.open(keep=True) as fumehood:
        result = fumehood.run(["true"], repo_path="sample")
    assert [command["metadata"]["name"] for command in cluster.commands()] == [result.name]


def test_threads_share_one_client(fumehood):
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: fumehood.run(["echo", str(number)], repo_path="sample"), range(8)))
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(8)]


def test_a_command_that_nobody_takes_says_what_it_waits_for(cluster):
    with (
        cluster.open(start_timeout=3, runtime_class="nobody-offers-this") as fumehood,
        pytest.raises(CommandNotStarted, match="RuntimeClassNotFound"),
    ):
        fumehood.run(["true"], repo_path="sample")
    assert cluster.commands() == []


def test_a_command_that_somebody_deletes_has_failed(cluster, fumehood):
    with ThreadPoolExecutor() as pool:
        run = pool.submit(fumehood.run, ["sleep", "60"], repo_path="sample")
        wait_until(cluster.commands)
        cluster.delete_all()
        with pytest.raises(RunFailed, match="was deleted before it had ended"):
            run.result(timeout=60)


def test_a_watch_from_before_all_that_the_server_remembers_has_no_history(cluster):
    api = _cluster_api.from_kubeconfig(cluster.kubeconfig, None, cluster.namespace)
    with contextlib.closing(api), pytest.raises(_cluster_api.HistoryGone):
        list(api.watch("any", "1", 1))


@pytest.mark.parametrize("keep", [True, False])
def test_a_cancelled_task_has_cancelled_its_command(keep, cluster):
    async def main():
        async with AsyncFumehood.from_kubeconfig(
            cluster.kubeconfig, namespace=cluster.namespace, keep=keep
        ) as fumehood:
            task = asyncio.create_task(fumehood.run(["sleep", "60"], repo_path="sample"))
            await asyncio.to_thread(wait_until, lambda: cluster.phases() in (["Scheduled"], ["Running"]))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert cluster.phases() == (["Cancelled"] if keep else [])


def test_an_interrupted_python_has_cancelled_its_command(cluster):
    script = (
        "import fumehood, sys\n"
        "with fumehood.Fumehood.from_kubeconfig(sys.argv[1], namespace=sys.argv[2], keep=True) as cluster:\n"
        "    cluster.run(['sleep', '60'], repo_path='sample')\n"
    )
    argv = [sys.executable, "-c", script, cluster.kubeconfig, cluster.namespace]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as python:
        try:
            wait_until(lambda: cluster.phases() in (["Scheduled"], ["Running"]))
            python.send_signal(signal.SIGINT)
            assert b"KeyboardInterrupt" in python.communicate(timeout=60)[1]
        finally:
            python.kill()
    wait_until(lambda: cluster.phases() == ["Cancelled"])


def test_a_namespace_that_is_not_there_is_said(cluster):
    with (
        Fumehood.from_kubeconfig(cluster.kubeconfig, namespace="nowhere") as fumehood,
        pytest.raises(NotInstalled, match='namespaces "nowhere" not found: create the namespace'),
    ):
        fumehood.run(["true"], repo_path="sample")


def test_a_cluster_without_fumehood_is_said(cluster, monkeypatch):
    monkeypatch.setattr(_cluster_api, "PLURAL", "sandboxothers")
    with cluster.open() as fumehood, pytest.raises(NotInstalled, match="apply crds/ and manifests/base"):
        fumehood.run(["true"], repo_path="sample")


def test_somebody_without_rights_is_told_so(cluster):
    with cluster.open_as_nobody_much() as fumehood, pytest.raises(AccessDenied, match="cannot create resource"):
        fumehood.run(["true"], repo_path="sample")


def test_somebody_who_may_not_watch_leaves_no_command_behind(cluster):
    with (
        cluster.open_as_nobody_much("create", "patch", "delete") as fumehood,
        pytest.raises(AccessDenied, match="cannot watch resource"),
    ):
        fumehood.run(["sleep", "60"], repo_path="sample")
    assert cluster.commands() == []


def test_the_rights_that_the_readme_names_are_enough(cluster):
    with cluster.open_as_nobody_much("create", "list", "watch", "patch", "delete") as fumehood:
        assert fumehood.run(["true"], repo_path="sample").success
    assert cluster.commands() == []


@pytest.fixture
def pod(cluster, monkeypatch, tmp_path):
    """This process as it would be in a pod: what the kubelet gives it is there."""
    configuration = cluster.api_client.configuration
    server = urllib.parse.urlsplit(configuration.host)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", server.hostname)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    token, namespace = tmp_path / "token", tmp_path / "namespace"
    token.write_text(cluster.token_of_account("create", "list", "watch", "patch", "delete"))
    namespace.write_text(cluster.namespace)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", configuration.ssl_ca_cert)
    monkeypatch.setattr(_cluster_api, "_NAMESPACE_OF_POD", namespace)


@pytest.mark.usefixtures("pod")
def test_in_a_pod_its_account_and_namespace_are_taken(cluster):
    with Fumehood.in_cluster(keep=True) as fumehood:
        result = fumehood.run(["true"], repo_path="sample")
    assert [command["metadata"]["name"] for command in cluster.commands()] == [result.name]


def test_an_unknown_token_is_no_access(cluster):
    fumehood = Fumehood(ClusterBackend(cluster.with_token("forged"), ClusterOptions()))
    with fumehood, pytest.raises(AccessDenied, match="doesn't know us"):
        fumehood.run(["true"], repo_path="sample")


def test_a_quota_that_is_used_up_is_said(cluster, fumehood):
    quota, hard = cluster.core, {f"count/{PLURAL}.{GROUP}": "0"}
    quota.create_namespaced_resource_quota(cluster.namespace, {"metadata": {"name": "none"}, "spec": {"hard": hard}})
    # A controller manager would write it.
    status = {"status": {"hard": hard, "used": hard}}
    quota.patch_namespaced_resource_quota_status("none", cluster.namespace, status)
    wait_until(cluster.refuses_commands)
    with pytest.raises(QuotaExceeded, match="exceeded quota"):
        fumehood.run(["true"], repo_path="sample")


def kubeconfig_for(server, folder):
    path = folder / "kubeconfig"
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
        f"clusters: [{{name: here, cluster: {{server: '{server}'}}}}]\n"
        "contexts: [{name: here, context: {cluster: here, user: me, namespace: team}}]\n"
        "users: [{name: me, user: {token: none}}]\n"
    )
    return path


def test_a_server_that_is_not_there_is_unavailable(tmp_path):
    with (
        Fumehood.from_kubeconfig(kubeconfig_for("https://127.0.0.1:1", tmp_path)) as fumehood,
        pytest.raises(ClusterUnavailable, match="in the namespace team"),
    ):
        fumehood.run(["true"], repo_path="sample")


@pytest.mark.parametrize("context", [None, "unknown"])
def test_a_kubeconfig_that_cannot_be_used_is_said(context, tmp_path):
    path = kubeconfig_for("https://127.0.0.1:1", tmp_path) if context else tmp_path / "nowhere"
    with pytest.raises(ClusterError, match="read the kubeconfig"):
        Fumehood.from_kubeconfig(path, context)


def test_outside_of_a_cluster_it_is_said(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ClusterError, match="no pod with a service account"):
        Fumehood.in_cluster()


def test_proxies_and_authorities_of_the_environment_are_not_taken(cluster, monkeypatch, tmp_path):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing.pem"))
    with cluster.open() as fumehood:
        assert fumehood.run(["true"], repo_path="sample").success


def test_a_kubeconfig_without_authorities_means_the_systems(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    (bundle := tmp_path / "authorities.pem").touch()
    monkeypatch.setattr(_cluster_api, "_SYSTEM_AUTHORITIES", ("/nowhere.pem", str(bundle)))
    configured = []
    monkeypatch.setattr(_cluster_api.client, "ApiClient", configured.append)
    _cluster_api.from_kubeconfig(kubeconfig_for("https://127.0.0.1:1", tmp_path), None, None)
    assert [configuration.ssl_ca_cert for configuration in configured] == [str(bundle)]


def test_a_proxy_that_the_kubeconfig_names_is_taken(monkeypatch, tmp_path):
    path = kubeconfig_for("https://127.0.0.1:1", tmp_path)
    path.write_text(path.read_text().replace("}}]", ", proxy-url: 'http://127.0.0.1:2'}}]", 1))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "*")
    configured = []
    monkeypatch.setattr(_cluster_api.client, "ApiClient", configured.append)
    _cluster_api.from_kubeconfig(path, None, None)
    assert [(one.proxy, one.no_proxy) for one in configured] == [("http://127.0.0.1:2", None)]
