#!/usr/bin/env bash
# statsmodels 0.14.6: Wilson's interval of n right answers of n often ends below 1.
#
# The formula's bound is exactly 1 there, and exactly 0 for none of n. Computed as written it misses
# them by a rounding for about every third n, so that "the accuracy lies within its interval" is
# false for a perfect score. SciPy's Wilson interval ends at 1 for every n.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet statsmodels==0.14.6 scipy==1.17.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import scipy
import statsmodels
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

N = range(1, 3000)
theirs = [proportion_confint(n, n, method="wilson")[1] for n in N]
none = [proportion_confint(0, n, method="wilson")[0] for n in N]
scipys = [binomtest(n, n).proportion_ci(method="wilson").high for n in N]
short = [n for n, high in zip(N, theirs, strict=True) if high < 1]
print("statsmodels", statsmodels.__version__, "scipy", scipy.__version__)
print(f"n of n, upper bound below 1: statsmodels {len(short)} of {len(N)} (n = {short[:4]} ...), "
      f"scipy {sum(high < 1 for high in scipys)}")
print(f"0 of n, lower bound above 0: statsmodels {sum(low > 0 for low in none)}")
print("n = 7:", repr(float(theirs[6])))
assert len(short) > 300 and 7 in short and min(scipys) == 1 and min(theirs) > 1 - 1e-12
PYTHON
# seen: statsmodels 0.14.6 scipy 1.17.1
#       n of n, upper bound below 1: statsmodels 954 of 2999 (n = [7, 9, 12, 14] ...), scipy 0
#       0 of n, lower bound above 0: statsmodels 680
#       n = 7: 0.9999999999999999
