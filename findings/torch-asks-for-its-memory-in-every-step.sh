#!/usr/bin/env bash
# torch 2.13.0 on a processor, glibc 2.36, Python 3.11.
#
# On a processor torch has no cache of its own: it gives each result's memory back to glibc, and glibc
# gives arrays above 32 MiB back to Linux at once. So Linux clears the same memory in pages of 4 KiB
# in every training step. A high MALLOC_TRIM_THRESHOLD_ alone, or with MALLOC_MMAP_THRESHOLD_ at the
# 32 MiB that mallopt's manual page calls its maximum, changes nothing. With mmap_max=0, or with a
# threshold above that maximum, which glibc takes, later steps need no new page. A small residual
# network trains in three quarters of the time (with hugetlb=1, too).
#
# Seen (new pages in each of ten later steps of a convolution, batch norm and ReLU of 38 MB each):
#   as it is                                          73,737
#   MALLOC_TRIM_THRESHOLD_ of 16 GiB                  73,737
#   and MALLOC_MMAP_THRESHOLD_ of 32 MiB              73,737
#   and MALLOC_MMAP_THRESHOLD_ of 4 GiB                  921
#   GLIBC_TUNABLES: mmap_max=0, trim_threshold             0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.3.5

cat > "$work/step.py" <<'PYTHON'
import resource

import torch

layers = torch.nn.Sequential(
    torch.nn.Conv2d(1, 32, 3, padding=1), torch.nn.BatchNorm2d(32), torch.nn.ReLU()
)
x = torch.rand(128, 1, 48, 48)


def pages(steps):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        layers.zero_grad()
        layers(x).mean().backward()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // steps


pages(5)
print(pages(10))
PYTHON

pages() { env "$@" "$work/venv/bin/python" "$work/step.py"; }
trim=17179869184
plain=$(pages A=1)
alone=$(pages MALLOC_TRIM_THRESHOLD_=$trim)
most=$(pages MALLOC_TRIM_THRESHOLD_=$trim MALLOC_MMAP_THRESHOLD_=33554432)
above=$(pages MALLOC_TRIM_THRESHOLD_=$trim MALLOC_MMAP_THRESHOLD_=4294967296)
held=$(pages GLIBC_TUNABLES=glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=$trim)
echo "as it is $plain, trim $alone, 32 MiB $most, 4 GiB $above, mmap_max $held"
[ "$plain" -gt 50000 ] && [ "$alone" -gt 50000 ] && [ "$most" -gt 50000 ]
[ "$above" -lt 5000 ] && [ "$held" -lt 5000 ]
