#!/bin/sh
# Install the locked libraries of one service into /opt/lcm: install-libraries.sh SERVICE. Runs in the build stage of an image.
set -eu
service=$1

python -m venv /opt/poetry
/opt/poetry/bin/pip install --quiet --require-hashes -r scripts/requirements/poetry.txt
python -m venv /opt/lcm

# Poetry asks the index that pip is set up for; nothing of it stays in the image.
POETRY_PYPI_MIRROR_URL=$(python -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)')
export POETRY_PYPI_MIRROR_URL
export REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
cd "src/$service"
VIRTUAL_ENV=/opt/lcm PATH=/opt/lcm/bin:$PATH \
  /opt/poetry/bin/poetry install --only main --no-root --no-directory --no-interaction --quiet
