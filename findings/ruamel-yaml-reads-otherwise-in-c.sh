#!/usr/bin/env bash
# ruamel.yaml 0.19.1: the same text is another value, or none, once ruamel.yaml.clib is installed.
#
# YAML(typ="safe") then reads by libyaml instead of Python. The C way takes no notice of a
# `%YAML 1.1` line (`no` stays a word, in Python it is false), refuses a colon within a plain word
# of a flow list ([12:30], [http://x]). DVC 3.67 reads
# params.yaml and dvc.yaml this way, so what a project's files mean depends on a package that
# nobody names: the extra `oldlibyaml` of ruamel.yaml, or whatever else brings it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ruamel.yaml==0.19.1
cat > "$folder/read.py" <<'PYTHON'
from ruamel.yaml import YAML

for text in ("%YAML 1.1\n---\na: no", "a: [12:30]", "a: [http://x]", "a: 1e-4", "a: no"):
    try:
        value = repr(YAML(typ="safe").load(text))
    except Exception as error:
        value = type(error).__name__
    print(f"{text!r:28} {value}")
PYTHON
"$folder/venv/bin/python" "$folder/read.py" > "$folder/python.txt"
"$folder/venv/bin/pip" install --quiet ruamel.yaml.clib==0.2.15
"$folder/venv/bin/python" "$folder/read.py" > "$folder/c.txt"
echo "without ruamel.yaml.clib"; cat "$folder/python.txt"
echo "with it"; cat "$folder/c.txt"
grep -q "a: no'  *{'a': False}" "$folder/python.txt"
[ "$(diff "$folder/python.txt" "$folder/c.txt" | grep -c '^>')" = 3 ]
# seen: without ruamel.yaml.clib
#       '%YAML 1.1\n---\na: no'      {'a': False}
#       'a: [12:30]'                 {'a': ['12:30']}
#       'a: [http://x]'              {'a': ['http://x']}
#       'a: 1e-4'                    {'a': 0.0001}
#       'a: no'                      {'a': 'no'}
#       with it
#       '%YAML 1.1\n---\na: no'      {'a': 'no'}
#       'a: [12:30]'                 ScannerError
#       'a: [http://x]'              ScannerError
#       (the others as before)
