# All images of Frontier; docs/images.md explains them. `npm run images` builds them, or one at a time:
#   docker build --target gateway --tag frontier/gateway:0.1.0 .
# Nothing of BuildKit is needed. The classic builder makes the stages in their order up to the target.

ARG NODE_IMAGE=node:24-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

# ---- What decides on dependencies, so that a change of code installs nothing again. ----
FROM ${NODE_IMAGE} AS manifests
WORKDIR /all
COPY . .
RUN mkdir /data /manifests && find . \( -name package.json -o -name package-lock.json -o -name .npmrc \) -exec cp --parents {} /manifests ';'

# ---- The compiled repository. ----
FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY --from=manifests /manifests /manifests
# No package's script runs: what they need lies in packages, and onnxruntime-node's would download GPU libraries.
RUN cp -r /manifests/. . && npm ci --ignore-scripts
COPY . .
RUN npx --no-install tsc -b

# ---- git and ssh, for the canary controller. ----
FROM ${NODE_IMAGE} AS git
RUN apt-get update -q && apt-get install -qy --no-install-recommends git openssh-client busybox-static
COPY images/collect-git.sh /
RUN sh /collect-git.sh /tree

# ---- What all images have. ----
FROM ${RUNTIME_IMAGE} AS runtime
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION} \
      org.opencontainers.image.created=${CREATED} \
      org.opencontainers.image.source=https://github.com/frontier-serving/frontier \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.vendor=Frontier
# Everything that a service writes is under /tmp: the root file system may be read-only.
ENV NODE_ENV=production \
    MODEL_REPOSITORY=/models \
    MODEL_CACHE=/tmp/models
# For what is to be kept: a named volume that is mounted here belongs to the program.
COPY --from=manifests --chown=65532:65532 /data /data
WORKDIR /app
USER 65532:65532

FROM build AS gateway-tree
RUN node images/assemble.mjs /tree services/gateway --bin healthcheck

FROM runtime AS gateway
LABEL org.opencontainers.image.title=frontier-gateway \
      org.opencontainers.image.description="Takes inference requests over HTTP, SSE and gRPC"
COPY --from=gateway-tree /tree /
EXPOSE 8080 50051 9464
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["healthcheck"]
CMD ["services/gateway/dist/main.js"]

FROM build AS dispatcher-tree
RUN node images/assemble.mjs /tree services/dispatcher --bin healthcheck

FROM runtime AS dispatcher
LABEL org.opencontainers.image.title=frontier-dispatcher \
      org.opencontainers.image.description="Forms batches from the queues and commits one result a request"
COPY --from=dispatcher-tree /tree /
EXPOSE 50052 9464
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["healthcheck"]
CMD ["services/dispatcher/dist/main.js"]

FROM build AS worker-tree
# 'cuda12' adds the GPU libraries of ONNX Runtime (docs/images.md).
ARG ONNXRUNTIME_NODE_INSTALL=skip
# ONNX Runtime is linked with librt, which a small base may lack.
RUN node images/assemble.mjs /tree services/worker --bin healthcheck,fetch-model && \
    cp --parents /usr/lib/*-linux-gnu/librt.so.1 /tree

FROM runtime AS worker
LABEL org.opencontainers.image.title=frontier-worker \
      org.opencontainers.image.description="Runs models in ONNX Runtime"
COPY --from=worker-tree /tree /
EXPOSE 9464
# It answers while it loads models too.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["healthcheck"]
CMD ["services/worker/dist/main.js"]

FROM build AS canary-controller-tree
RUN node images/assemble.mjs /tree services/canary-controller --bin healthcheck

FROM runtime AS canary-controller
LABEL org.opencontainers.image.title=frontier-canary-controller \
      org.opencontainers.image.description="Decides on rollouts and acts on traffic, registry and Git"
ENV GIT_FOLDER=/tmp/git \
    CANARY_REPORTS=/tmp/reports
COPY --from=git /tree /
# git asks for passwords and starts ssh through a shell: this one, a static busybox, is the only one in all images.
COPY --from=git /bin/busybox /bin/sh
COPY --from=canary-controller-tree /tree /
EXPOSE 9464
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["healthcheck"]
CMD ["services/canary-controller/dist/main.js"]

FROM build AS control-tree
RUN node images/assemble.mjs /tree services/control cli --bin healthcheck,frontier,migrate,backup

FROM runtime AS control
LABEL org.opencontainers.image.title=frontier-control \
      org.opencontainers.image.description="Admin API: registry, gates, rollouts, experiments, dead letters, keys; with the frontier command"
ENV DATABASE_FOLDER=/tmp/database
COPY --from=control-tree /tree /
EXPOSE 8081 9464
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["healthcheck"]
CMD ["services/control/dist/main.js"]

FROM build AS models-tree
RUN node scripts/make-models.mjs && node images/assemble.mjs /tree libs/model-store --bin copy-models && \
    node images/seal-models.mjs models /tree/models

FROM runtime AS models
LABEL org.opencontainers.image.title=frontier-models \
      org.opencontainers.image.description="The models that ship, sealed; copied into a volume by copy-models"
COPY --from=models-tree /tree /
CMD ["images/bin/copy-models.mjs"]
