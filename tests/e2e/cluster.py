"""The cluster under test, through two independent clients: kubectl and the Python package kubernetes."""

import os
import subprocess
from dataclasses import dataclass

from kubernetes import client, config


@dataclass(frozen=True)
class Answer:
    """What kubectl said."""

    exit_code: int
    stdout: str
    stderr: str


class Cluster:
    """One cluster, as its administrator. Neither client takes proxies or certificates from the environment."""

    def __init__(self, kubeconfig, cache_dir):
        self._kubeconfig = str(kubeconfig)
        self._cache_dir = str(cache_dir)
        self.api = client.ApiClient(self._configuration())

    def kubectl(self, *arguments, stdin=None, deadline=60):
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        done = subprocess.run(
            ["kubectl", f"--kubeconfig={self._kubeconfig}", f"--cache-dir={self._cache_dir}", *arguments],
            input=stdin, capture_output=True, text=True, timeout=deadline, env=environment, check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    def with_token(self, token):
        """An ApiClient that is nobody but the owner of `token`."""
        configuration = self._configuration()
        configuration.cert_file = configuration.key_file = None
        configuration.api_key = {"BearerToken": f"Bearer {token}"}
        return client.ApiClient(configuration)

    def get_as(self, path, accept):
        """GET of `path`, as text, in the representation that `accept` names."""
        response = self.api.call_api("GET", self.api.configuration.host + path, header_params={"Accept": accept})
        return response.read().decode()

    def _configuration(self):
        configuration = client.Configuration()
        config.load_kube_config(config_file=self._kubeconfig, client_configuration=configuration)
        configuration.proxy = None
        configuration.no_proxy = "*"
        return configuration
