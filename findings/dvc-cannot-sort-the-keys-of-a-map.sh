#!/usr/bin/env bash
# dvc 3.67.1: a parameter that is a map with numbers beside words as keys ends `dvc repro`.
#
# It is valid YAML. DVC sorts the keys to look the run up in its cache, compares a number with a word,
# and reports a TypeError's text without the parameter's name; nothing is in dvc.lock. Numbers alone
# are fine, and so are quotes around them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dvc==3.67.1
cd "$folder"
dvc="$folder/venv/bin/dvc"
export DVC_NO_ANALYTICS=1
mkdir project && cd project
"$dvc" init --quiet --no-scm
printf 'stages:\n  one:\n    cmd: echo ran > out\n    params: [names]\n    outs: [out]\n' > dvc.yaml
"$dvc" --version
for names in '{1: surprise, 2: fear}' "{'1': surprise, other: fear}" '{1: surprise, other: fear}'; do
    echo "names: $names" > params.yaml
    rm -f dvc.lock
    if said=$("$dvc" repro 2>&1); then ended=well; else ended="badly: $(grep -i '^ERROR' <<< "$said" | head -1)"; fi
    echo "names: $names: ended $ended; in dvc.lock: $([ -f dvc.lock ] && echo yes || echo no)"
done | tee seen
grep -q 'surprise, 2: fear}: ended well' seen
grep -q "'1': surprise, other: fear}: ended well" seen
grep -q "{1: surprise, other: fear}: ended badly: ERROR: .*'<' not supported" seen
# seen: 3.67.1
#       names: {1: surprise, 2: fear}: ended well; in dvc.lock: yes
#       names: {'1': surprise, other: fear}: ended well; in dvc.lock: yes
#       names: {1: surprise, other: fear}: ended badly: ERROR: failed to reproduce 'one': '<' not
#       supported between instances of 'str' and 'int'; in dvc.lock: no
