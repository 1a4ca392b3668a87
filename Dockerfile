# One image for every container step of the state machine: dbt, training, predictions.
# The base is pinned by its digest, which the build has to be given (glue/README.md says how), so
# that a base is never taken by a tag that moves.
ARG BASE_DIGEST
FROM docker.io/library/python@${BASE_DIGEST}

# LightGBM needs the OpenMP runtime
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /next_basket
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt

COPY dbt_project.yml ./
COPY profiles.yml.example profiles.yml
COPY models models
COPY macros macros
COPY seeds seeds
COPY analyses analyses
COPY tests/dbt tests/dbt
COPY ml ml
COPY glue glue

RUN useradd --uid 10001 --create-home basket && mkdir logs target && chown basket logs target
USER 10001
ENV PYTHONUNBUFFERED=1
HEALTHCHECK NONE
CMD ["python", "-m", "glue", "--help"]
