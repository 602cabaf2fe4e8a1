#!/usr/bin/env bash
# matplotlib 3.11.2: an SVG put inline into a page restyles every other drawing on that page.
#
# Every figure saved as SVG begins with the rule `*{stroke-linejoin: round; stroke-linecap: butt}`.
# As a file, or in <img>, that rule ends with the picture. Inline in HTML (which needs no second
# request and keeps text selectable) its selector `*` is the whole page's: the round line ends of
# an icon beside the chart turn flat. Group ids repeat between figures, too: `figure_1`, `axes_1`
# and the like stand in each, so that a link or a script finds the first alone. `svg.hashsalt`
# makes clip and glyph ids stable, and leaves these as they are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet matplotlib==3.11.2
"$folder/venv/bin/python" - <<'PYTHON'
import io
import re

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

def drawn(salt, values):
    with plt.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        figure, axes = plt.subplots()
        axes.plot(values)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        plt.close(figure)
        return file.getvalue()

one, two = drawn("one", [1, 2, 3]), drawn("two", [3, 1, 2])
(rule,) = re.findall(r"<style[^>]*>(.*?)</style>", one, re.DOTALL)
ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (one, two)]
shared = sorted(ids[0] & ids[1])
print("matplotlib", matplotlib.__version__)
print("style sheet of each SVG:", rule.strip())
print(len(shared), "ids in both figures, whose salts differ:", ", ".join(shared[:4]), "...")
assert rule.strip() == "*{stroke-linejoin: round; stroke-linecap: butt}", rule
assert {"figure_1", "axes_1", "patch_1"} <= set(shared), shared
PYTHON
# seen: matplotlib 3.11.2
#       style sheet of each SVG: *{stroke-linejoin: round; stroke-linecap: butt}
#       65 ids in both figures, whose salts differ: axes_1, figure_1, line2d_1, line2d_10 ...
