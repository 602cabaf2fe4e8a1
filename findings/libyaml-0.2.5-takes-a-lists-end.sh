#!/usr/bin/env bash
# libyaml 0.2.5 refuses `[?]`, and reads `[?]]` as a list; libyaml 0.2.6 does what the standard says.
#
# In YAML 1.2 `[?]` is a list of one pair with an empty key. libyaml 0.2.5 takes the bracket after the
# question mark for a part of the pair, so the list needs a second one. PyYAML 6.0.3 contains libyaml
# 0.2.5, PyYAML 6.0.4 contains 0.2.6. ruamel.yaml.clib 0.2.15 has its own older copy. So in one
# environment PyYAML 6.0.4 and ruamel.yaml 0.19.1 with ruamel.yaml.clib each refuse what the other
# reads.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
cat > "$folder/read.py" <<'PYTHON'
import yaml
from ruamel.yaml import YAML


def outcome(read, text):
    try:
        return repr(read(text))
    except Exception as error:
        return type(error).__name__


def by_pyyaml(text):
    return yaml.load(text, yaml.CSafeLoader)


print("libyaml", yaml._yaml.get_version_string())
for text in ("[?]", "[?]]", "[a, ? b]"):
    by_ruamel = outcome(YAML(typ="safe").load, text)
    print(f"{text:9} PyYAML: {outcome(by_pyyaml, text):18} ruamel.yaml: {by_ruamel}")
PYTHON
for version in 6.0.3 6.0.4; do
    "$folder/venv/bin/pip" install --quiet pyyaml==$version ruamel.yaml==0.19.1 ruamel.yaml.clib==0.2.15
    echo "PyYAML $version"
    "$folder/venv/bin/python" "$folder/read.py" | tee "$folder/$version.txt"
done
grep -Fq "[?]       PyYAML: ParserError        ruamel.yaml: ParserError" "$folder/6.0.3.txt"
grep -Fq "[?]]      PyYAML: [{None: None}]     ruamel.yaml: [{None: None}]" "$folder/6.0.3.txt"
grep -Fq "[?]       PyYAML: [{None: None}]     ruamel.yaml: ParserError" "$folder/6.0.4.txt"
grep -Fq "[?]]      PyYAML: ParserError        ruamel.yaml: [{None: None}]" "$folder/6.0.4.txt"
# seen: PyYAML 6.0.3
#       libyaml 0.2.5
#       [?]       PyYAML: ParserError        ruamel.yaml: ParserError
#       [?]]      PyYAML: [{None: None}]     ruamel.yaml: [{None: None}]
#       [a, ? b]  PyYAML: ['a', {'b': None}] ruamel.yaml: ['a', {'b': None}]
#       PyYAML 6.0.4
#       libyaml 0.2.6
#       [?]       PyYAML: [{None: None}]     ruamel.yaml: ParserError
#       [?]]      PyYAML: ParserError        ruamel.yaml: [{None: None}]
#       [a, ? b]  PyYAML: ['a', {'b': None}] ruamel.yaml: ['a', {'b': None}]
