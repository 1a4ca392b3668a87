# One image for every container step of the state machine: dbt, training, predictions.
# The base is pinned by its digest, which the build has to be given (glue/README.md says how), so
# that a base is never taken by a tag that moves.
ARG BASE_DIGEST

# ---- what is installed: every package by its sha256, as a wheel, so nothing is built ----
FROM docker.io/library/python@${BASE_DIGEST} AS packages
COPY requirements-image.txt ./
RUN python -m venv --without-pip /venv \
    && python -m pip --python /venv install --no-cache-dir --no-deps \
        --only-binary :all: --require-hashes -r requirements-image.txt

# ---- what runs: no pip, no cache, no compiler ----
FROM docker.io/library/python@${BASE_DIGEST}

# LightGBM needs the OpenMP runtime
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && python -m pip uninstall --yes --quiet --root-user-action ignore setuptools wheel pip

COPY --from=packages /venv /venv
ENV PATH=/venv/bin:$PATH

WORKDIR /next_basket
COPY dbt_project.yml ./
COPY profiles.yml.example profiles.yml
COPY models models
COPY macros macros
COPY seeds seeds
COPY analyses analyses
COPY tests/dbt tests/dbt
COPY ml ml
COPY glue glue
RUN python -m compileall -q ml glue

# the root file system is read-only where it runs: all that is written goes to one folder, a volume
ENV WORK=/var/lib/next_basket
RUN useradd --uid 10001 --no-create-home --home-dir $WORK basket \
    && install --directory --owner=basket --group=basket $WORK
USER 10001
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=$WORK TMPDIR=$WORK \
    DBT_LOG_PATH=$WORK/logs DBT_TARGET_PATH=$WORK/target NUMBA_CACHE_DIR=$WORK/numba
# a volume is root's alone, but for a folder that is declared here, which keeps its rights:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html
VOLUME $WORK
HEALTHCHECK NONE
CMD ["python", "-m", "glue", "--help"]
