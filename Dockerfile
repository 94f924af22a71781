# The targets: `base` waits, migrates and serves whatever is copied to /srv; the last one is it with the plants in it.
# Nothing here needs a shell, a package manager or a writable file at run time. See docs/image.md.

ARG BASE=python:3.13-slim


# Both lock files are of hashes; `run-aws` adds botocore, for DATABASE_IAM_AUTH.
FROM ${BASE} AS build
ARG LOCK=run
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all: PIP_ROOT_USER_ACTION=ignore
SHELL ["/bin/sh", "-euc"]
WORKDIR /build
COPY requirements/${LOCK}.lock lock

# What builds the wheel goes no further: one package of the lock here, all others there.
# Another index than pip's own: --secret id=pip.conf,src=/etc/pip.conf
RUN --mount=type=secret,id=pip.conf,target=/root/.config/pip/pip.conf \
    sed -n '/^flit-core==/,/[^\\]$/p' lock > wheel.lock; \
    sed '/^flit-core==/,/[^\\]$/d' lock > image.lock; \
    pip install --quiet --no-compile --no-deps --require-hashes --requirement wheel.lock; \
    pip install --quiet --no-compile --no-deps --require-hashes --ignore-installed --prefix /dependencies --requirement image.lock

COPY LICENSE README.md pyproject.toml ./
COPY orchestrator orchestrator
RUN pip wheel --quiet --no-deps --no-build-isolation --no-index --wheel-dir . .; \
    pip install --quiet --no-compile --no-deps --no-index --prefix /orchestrator ./*.whl

# Unchecked: nobody changes a source in an image, and a start has not to look at the time of each. Of C only what runs.
RUN find /dependencies -name '*.c' -delete; \
    for prefix in /dependencies /orchestrator; do \
      python -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$prefix" -p /usr/local "$prefix"; \
    done


FROM ${BASE} AS base
ENV ORCHESTRATOR_HOST=0.0.0.0 \
    ORCHESTRATOR_EMBEDDED_DATABASE=forbid \
    PYTHONDONTWRITEBYTECODE=1
# The official image has no bytecode of the standard library. And a name for the user: some drivers ask for it.
RUN python -m compileall -q -j 0 -x '/(test|tests|idlelib|tkinter|turtledemo|ensurepip|(site|dist)-packages)/' \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && echo 'app:x:10001:' >> /etc/group \
    && echo 'app:x:10001:10001::/nonexistent:/usr/sbin/nologin' >> /etc/passwd
COPY --from=build /dependencies /usr/local
COPY --from=build /orchestrator /usr/local
WORKDIR /srv
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Not healthy before it serves, however long the migrations take. ECS reads its own task definition instead.
HEALTHCHECK --interval=10s --timeout=5s --start-period=300s --retries=3 CMD ["orchestrator", "probe"]
ENTRYPOINT ["orchestrator"]
CMD ["serve"]


FROM base AS prepared
# hadolint ignore=DL3002
USER 0
COPY alembic.ini logging.yaml ./
COPY alembic alembic
COPY app app
# Whoever builds it may keep his files from others; the user 10001 is one of them.
RUN chmod -R u=rwX,go=rX . \
    && orchestrator freeze \
    && python -m compileall -q --invalidation-mode unchecked-hash .


FROM base AS plants
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ENV ORCHESTRATOR_SERVICE=plants ORCHESTRATOR_VERSION=${VERSION}
LABEL org.opencontainers.image.title="plants" \
      org.opencontainers.image.description="Waits for the database, migrates it safely, serves the BluePansy API" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=prepared /srv /srv
