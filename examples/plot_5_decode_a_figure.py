"""
Decode a published figure
=========================

88.29 % on FER-2013 is above every published honest accuracy. `decode` says which known mistakes
would print such a figure, and how good the model behind it would have to be.
"""

# %%
# The verdict, as `ferflow decode 88.29%` prints it.

import matplotlib.pyplot as plt
import numpy as np

from ferflow.claims.decoder import decode, one_vs_rest, partly_trained_on

verdict = decode(0.8829)
print(verdict.long)

# %%
# Two of the mistakes as curves. One against rest counts every class of every image as a decision of
# its own, and most of these are easy. If some of the scored images were trained on, they are
# answered from memory.

accuracy = np.linspace(1 / 7, 0.75, 50)
_, axis = plt.subplots(figsize=(6.5, 4), layout="constrained")
axis.plot(accuracy, accuracy, color="0.5", label="accuracy")
axis.plot(accuracy, [one_vs_rest(a, 7) for a in accuracy], label="one against rest")
axis.plot(accuracy, [partly_trained_on(a, 0.6) for a in accuracy], label="60 % trained on")
axis.axhline(verdict.claimed, color="k", linewidth=0.8, linestyle=":")
axis.set(xlabel="Honest accuracy", ylabel="Printed figure")
axis.legend()
plt.show()
