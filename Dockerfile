# The images of Fumehood: --target controller, --target executor.
#
#   DEBIAN_IMAGE   Debian 12, on which the programs run
#   BUILD_IMAGE    Debian 12, in which they are built. One that has them in /programs already, and runsc, has nothing built and
#                  nothing downloaded: scripts/images makes such a one where no registry and no release of gVisor is reachable
#   GVISOR_RELEASE which release of gVisor; its SHA-512 sum is checked
ARG DEBIAN_IMAGE=debian:bookworm-slim
ARG BUILD_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS programs
ARG GVISOR_RELEASE=latest
WORKDIR /source
COPY . .
RUN [ -x /programs/fumehood-executor ] || { \
      scripts/setup packages && scripts/build release fumehood-controller fumehood-executor && \
      install -s -D -t /programs build/release/controller/fumehood-controller build/release/executor/fumehood-executor \
        build/release/lib/sandbox/fumehood-init; }
# Installed where it will be, so that its links hold. A build has no rights to start a sandbox: the executor tries one.
RUN mkdir -p /gvisor && if [ -x /programs/runsc ]; then cp /programs/runsc /gvisor/; else \
      scripts/install-runsc --to /gvisor --release "$GVISOR_RELEASE" --no-verify; fi

FROM ${DEBIAN_IMAGE} AS base
# What the programs are linked with, and nothing that a base image has already.
RUN packages="ca-certificates libbrotli1 libcivetweb1 libcpprest2.10 libfmt9 libprometheus-cpp-core1.0 libspdlog1.10 libssl3 \
      libyaml-cpp0.7 zlib1g" && \
    if ! dpkg --status $packages >/dev/null 2>&1; then \
      apt-get update && apt-get install --yes --no-install-recommends $packages && rm -rf /var/lib/apt/lists/*; fi

FROM base AS controller
COPY --from=programs /programs/fumehood-controller /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/fumehood-controller"]

FROM base AS executor
COPY --from=programs /gvisor/ /usr/local/bin/
COPY --from=programs /programs/fumehood-init /usr/local/lib/fumehood/
COPY --from=programs /programs/fumehood-executor /usr/local/bin/
ENTRYPOINT ["/usr/local/bin/fumehood-executor"]
