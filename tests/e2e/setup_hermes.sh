#!/bin/sh
# Install Hermes Agent into a virtual environment of its own: it pins other versions of our parts.
#
#   sh tests/e2e/setup_hermes.sh DIRECTORY      then: MAJORDOMO_HERMES_VENV=DIRECTORY make test
set -eu
venv=${1:?usage: setup_hermes.sh DIRECTORY}
version=0.19.0
if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.hermes" 2>/dev/null)" = "$version" ]; then exit 0; fi
python3 -m venv "$venv"
"$venv/bin/python" -m pip --disable-pip-version-check --no-input install -qq \
    "hermes-agent==$version"
echo "$version" > "$venv/.hermes"
