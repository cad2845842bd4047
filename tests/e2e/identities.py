"""Those who try to write: Fumehood's service accounts, as pods of two nodes that the test makes, and users with many rights."""

import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass

from kubernetes import client

SYSTEM = "fumehood-system"
EXECUTOR, CONTROLLER = "fumehood-executor", "fumehood-controller"
_RUN = uuid.uuid4().hex[:8]
HERE, THERE = f"here-{_RUN}", f"there-{_RUN}"
_RBAC = "rbac.authorization.k8s.io"
_DEADLINE = 10


@dataclass(frozen=True)
class Rule:
    """What a role allows; its first group, resource and verb stand for all of it when a test waits for its effect."""

    groups: tuple
    resources: tuple
    verbs: tuple = ("*",)


EVERYTHING = Rule(("*",), ("*",))


class Identities:
    """Makes nodes, pods, accounts and grants; the end of the `with` deletes them."""

    def __init__(self, cluster):
        self._cluster = cluster
        self._core = client.CoreV1Api(cluster.api)
        self._rbac = client.RbacAuthorizationV1Api(cluster.api)
        self._reviews = client.AuthorizationV1Api(cluster.api)
        self._undo = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self._undo.close()

    def node(self, name):
        self._core.create_node({"metadata": {"name": name}})
        self._undo.callback(self._core.delete_node, name)

    def pod(self, account, node=None):
        """An ApiClient with the token of a new pod of that account of Fumehood; without a node the pod is unscheduled."""
        name = f"{account}-{uuid.uuid4().hex[:8]}"
        spec = {"serviceAccountName": account, "automountServiceAccountToken": False, "containers": [{"name": "main", "image": "none"}]}
        pod = self._core.create_namespaced_pod(SYSTEM, {"metadata": {"name": name}, "spec": spec | ({"nodeName": node} if node else {})})
        self._undo.callback(self._core.delete_namespaced_pod, name, SYSTEM, grace_period_seconds=0)
        return self.token(account, SYSTEM, {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": pod.metadata.uid})

    def token(self, account, namespace, bound_to=None):
        request = {"spec": {"expirationSeconds": 3600, "audiences": [], "boundObjectRef": bound_to}}
        return self._cluster.with_token(self._core.create_namespaced_service_account_token(account, namespace, request).status.token)

    def user(self, namespace, rule, everywhere=False):
        """An ApiClient of somebody whom `rule` is granted, in that namespace or in the whole cluster."""
        name = f"user-{uuid.uuid4().hex[:8]}"
        self._core.create_namespaced_service_account(namespace, {"metadata": {"name": name}})
        self._undo.callback(self._core.delete_namespaced_service_account, name, namespace)
        self.grant(name, namespace, rule, None if everywhere else namespace)
        return self.token(name, namespace)

    def grant(self, account, namespace, rule, within=None):
        """Lets an account do what `rule` says, in the namespace `within` or everywhere."""
        name = f"e2e-{uuid.uuid4().hex[:8]}"
        binding = {"metadata": {"name": name}, "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
                   "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]}
        self._rbac.create_cluster_role({"metadata": {"name": name}, "rules": [
            {"apiGroups": rule.groups, "resources": rule.resources, "verbs": rule.verbs}]})
        # What is registered first is done last.
        self._undo.callback(self._wait_for, account, namespace, rule, within, allowed=False)
        self._undo.callback(self._rbac.delete_cluster_role, name)
        if within:
            self._rbac.create_namespaced_role_binding(within, binding)
            self._undo.callback(self._rbac.delete_namespaced_role_binding, name, within)
        else:
            self._rbac.create_cluster_role_binding(binding)
            self._undo.callback(self._rbac.delete_cluster_role_binding, name)
        self._wait_for(account, namespace, rule, within, allowed=True)

    def _wait_for(self, account, namespace, rule, within, allowed):
        """The authorizer sees roles through a watch, a moment after they are written."""
        review = {"spec": {"user": f"system:serviceaccount:{namespace}:{account}", "resourceAttributes": {
            "group": rule.groups[0], "resource": rule.resources[0], "verb": rule.verbs[0], "namespace": within}}}
        deadline = time.monotonic() + _DEADLINE
        while self._reviews.create_subject_access_review(review).status.allowed != allowed:
            assert time.monotonic() < deadline, f"{account}: not {'granted' if allowed else 'withdrawn'} within {_DEADLINE} s"
            time.sleep(0.02)
