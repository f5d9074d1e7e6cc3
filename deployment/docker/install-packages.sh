#!/bin/sh
# Install the core and one service into /opt/lcm, then drop what a running service needs no more: install-packages.sh SERVICE.
set -eu
service=$1

for package in core "$service"; do
  (cd "src/$package" && /opt/poetry/bin/poetry build --format wheel --output /tmp/wheels --quiet)
done
# The libraries were installed from the lock; nothing else is to come in here.
/opt/lcm/bin/pip install --quiet --no-deps --no-index /tmp/wheels/*.whl
/opt/lcm/bin/python -m compileall -q /opt/lcm/lib
rm -rf /tmp/wheels /opt/lcm/lib/python*/site-packages/pip /opt/lcm/lib/python*/site-packages/pip-* /opt/lcm/bin/pip*
