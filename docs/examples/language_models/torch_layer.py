"""
A layer of PyTorch, to its optimum and back
===========================================

A ``torch.nn.Linear`` that was trained elsewhere is made a fitted estimator; warm-started, a fit
goes on from its weights to the proven optimum, and the result is a layer again. Such a start saves
little: a fit from none takes about as many passes, to the same optimum.

Without PyTorch, an object with the layer's weight and bias stands in for it. The rows are the
handwritten digits that come with scikit-learn.
"""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from nno_sklearn import NNOClassifier, from_linear, to_linear

try:
    import torch
except ImportError:
    torch = None

X, y = load_digits(return_X_y=True)
X = StandardScaler().fit_transform(X).astype(np.float32)
ALPHA, CLASSES = 1e-2, 10

# %%
# The layer: a hundred steps of gradient descent, by hand, so that it is the same with and without
# PyTorch.

weight, bias = (
    np.zeros((CLASSES, X.shape[1]), dtype=np.float32),
    np.zeros(CLASSES, dtype=np.float32),
)
for _ in range(100):
    raw = X @ weight.T + bias
    shares = np.exp(raw - raw.max(axis=1, keepdims=True))
    errors = shares / shares.sum(axis=1, keepdims=True) - np.eye(CLASSES, dtype=np.float32)[y]
    weight -= 0.1 * (errors.T @ X / len(y) + ALPHA * weight)
    bias -= 0.1 * errors.mean(axis=0)
if torch:
    layer = torch.nn.Linear(X.shape[1], CLASSES)
    layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
else:
    print("PyTorch is not installed: an object with a weight and a bias stands in for the layer")
    layer = SimpleNamespace(weight=weight, bias=bias)

# %%
# In, on, and out again:

model = from_linear(layer, estimator=NNOClassifier(alpha=ALPHA, warm_start=True))
print(f"the layer's accuracy as an estimator: {model.score(X, y):.4f} on the training rows")
model.fit(X, y)
cold = NNOClassifier(alpha=ALPHA).fit(X, y)
for name, fit in {"from the layer": model, "from nothing": cold}.items():
    print(f"{name:15} {fit.n_passes_:5.1f} passes to {fit.objective_:.6f}, gap {fit.dual_gap_:.0e}")
if torch:
    raw = to_linear(model)(torch.from_numpy(X)).detach().numpy()
    error = np.abs(raw - model.decision_function(X)).max()
    print(f"the layer of the model predicts the same to {error:.0e}")

# %%
# The objective of both fits. The layer is the first point of the one; the other begins at the
# constant model, or at landmarks.

bound = max(fit.objective_ - fit.dual_gap_ for fit in (model, cold))
for name, fit in {"from the layer": model, "from nothing": cold}.items():
    passes = [record.n_passes for record in fit.history_]
    plt.semilogy(passes, [record.objective - bound for record in fit.history_], "o-", label=name)
plt.gca().set(xlabel="passes over the rows", ylabel="objective − lower bound")
plt.legend()
