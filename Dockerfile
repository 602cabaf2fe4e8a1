# The README's two commands, from a clone:
#   docker build --tag ferflow .
#   docker run --rm ferflow                               make repro
#   docker run --rm --network host ferflow make app       the page, on http://127.0.0.1:7860
FROM python:3.11-slim-bookworm AS tools
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home ferflow \
    && install --directory --owner ferflow /ferflow

FROM tools
USER 1000
WORKDIR /ferflow
COPY --chown=1000 . .
RUN make .venv/ready
CMD ["make", "repro"]
