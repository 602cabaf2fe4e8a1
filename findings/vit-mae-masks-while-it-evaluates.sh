#!/usr/bin/env bash
# transformers 5.23.0: a ViT-MAE backbone gives other features at every call, in eval mode, too.
#
# `eval()` ends dropout and the like. ViTMAEModel goes on leaving out three quarters of the patches,
# drawn anew at every forward pass, because its mask belongs to the network's task and not to its
# training. Frozen features are then noise in part: the mean over the places that are left of one
# picture differs from call to call. With mask_ratio=0 only the order of the places is drawn; the
# mean is the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet transformers==5.23.0 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
import transformers
from transformers import ViTConfig, ViTMAEConfig, ViTMAEModel, ViTModel

small = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
             image_size=32, patch_size=8)
picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def twice(model):
    """Places that a forward pass answers for, and how far two passes' means are apart."""
    torch.manual_seed(0)
    first, second = (model.eval()(picture).last_hidden_state[:, 1:] for _ in range(2))
    return first.shape[1], float((first.mean(1) - second.mean(1)).abs().max())


print("transformers", transformers.__version__)
found = {}
for name, model in (("ViT", ViTModel(ViTConfig(**small))),
                    ("ViT-MAE", ViTMAEModel(ViTMAEConfig(**small))),
                    ("ViT-MAE, mask_ratio=0", ViTMAEModel(ViTMAEConfig(**small, mask_ratio=0.0)))):
    found[name] = places, apart = twice(model)
    print(f"{name:22} places: {places:2} of 16; two calls apart: {'yes' if apart > 1e-3 else 'no'}")
assert found["ViT"][1] == 0 and found["ViT-MAE"][1] > 1e-3
assert found["ViT-MAE"][0] == 4 and found["ViT-MAE, mask_ratio=0"][1] < 1e-5
PYTHON
# seen: transformers 5.23.0
#       ViT                    places: 16 of 16; two calls apart: no
#       ViT-MAE                places:  4 of 16; two calls apart: yes
#       ViT-MAE, mask_ratio=0  places: 16 of 16; two calls apart: no
