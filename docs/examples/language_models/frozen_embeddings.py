"""
A head on frozen embeddings of a language model
===============================================

A cheap way to use a language model is to leave it as it is and to train one linear layer, the head,
on its embeddings. That is a convex problem: it has one optimum, a certificate, and no learning
rate, and a search over the strength of the penalty takes seconds. Adam, which is how PyTorch trains
such a layer, comes near to the optimum as fast as its learning rate is good;
``LogisticRegression`` gets there as well.

The texts are posts to twenty newsgroups where ``NNO_SKLEARN_DATA`` names a folder that has them;
otherwise paragraphs of scikit-learn's documentation. The embeddings are those of wordllama, tokens
of Llama models, where that package is installed; otherwise latent semantic analysis stands in.
"""

import inspect
import lzma
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils.discovery import all_estimators

from nno_sklearn import NNOClassifier, NNOSearchCV

try:
    import torch
except ImportError:
    torch = None
try:
    import wordllama
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer
except ImportError:
    wordllama = None

if "NNO_SKLEARN_DATA" in os.environ:
    path = Path(os.environ["NNO_SKLEARN_DATA"], "newsgroups20_train.tsv.xz")
    lines = lzma.decompress(path.read_bytes()).decode().splitlines()
    topics, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
else:
    pages = {inspect.getdoc(kind): kind.__module__.split(".")[1] for _, kind in all_estimators()}
    topic_of = {part: topic for text, topic in pages.items() for part in text.split("\n\n")}
    topics, texts = list(topic_of.values()), list(topic_of)
if wordllama:
    folder = Path(wordllama.__file__).parent
    vectors = load_file(folder / "weights" / "l2_supercat_256.safetensors")["embedding.weight"]
    tokenizer = folder / "tokenizers" / "l2_supercat_tokenizer_config.json"
    tokens = Tokenizer.from_file(str(tokenizer)).encode_batch(texts)
    tokens = [found.ids[:1000] or [0] for found in tokens]
    X = np.array([vectors[ids].mean(axis=0, dtype=np.float32) for ids in tokens])
else:
    print("wordllama is not installed: latent semantic analysis stands in for a language model")
    X = TfidfVectorizer(sublinear_tf=True).fit_transform(texts)
    X = TruncatedSVD(200, random_state=0).fit_transform(X)
X = StandardScaler().fit_transform(X).astype(np.float32)
topics, y = np.unique(topics, return_inverse=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
print(f"{X.shape[0]:,} texts of {len(topics)} topics, {X.shape[1]} dimensions")

# %%
# The strength of the penalty, by a search of six in three folds:

ALPHAS = np.logspace(-3.5, -1, 6)
grid, options = {"C": 1.5 / (len(y) * ALPHAS)}, {"cv": 3, "scoring": "neg_log_loss"}
search = NNOSearchCV(NNOClassifier(tol=1e-3), alphas=ALPHAS, **options)
rival = GridSearchCV(LogisticRegression(max_iter=1000), grid, **options)
for name, model in {"NNOSearchCV": search, "GridSearchCV": rival}.items():
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    accuracy, loss = np.mean(model.predict(X_test) == y_test), -model.score(X_test, y_test)
    print(f"{name:18} {seconds:5.1f} s, held-out accuracy {accuracy:.4f}, log-loss {loss:.4f}")
ALPHA = search.best_params_["alpha"]

# %%
# One fit of that strength. Adam takes batches of 256, and lowers its learning rate to 0.


def objective(coef, intercept):
    raw = np.float64(X) @ coef.T + intercept
    return np.mean(logsumexp(raw, axis=1) - raw[np.arange(len(y)), y]) + ALPHA / 2 * np.vdot(
        coef, coef
    )


def adam(rate, epochs=20):
    """Seconds and objective after each epoch."""
    torch.manual_seed(0)
    rows, labels = torch.from_numpy(X), torch.from_numpy(y)
    head = torch.nn.Linear(X.shape[1], len(topics))
    optimizer = torch.optim.Adam(head.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    curve, seconds = [], 0.0
    for _ in range(epochs):
        start = time.perf_counter()
        for batch in torch.randperm(len(y)).split(256):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(head(rows[batch]), labels[batch])
            (loss + ALPHA / 2 * head.weight.square().sum()).backward()
            optimizer.step()
        schedule.step()
        seconds += time.perf_counter() - start
        curve.append((seconds, objective(*(part.detach().numpy() for part in head.parameters()))))
    return curve


ours = NNOClassifier(alpha=ALPHA).fit(X, y)
curves = {"NNOClassifier": [(record.seconds, record.objective) for record in ours.history_]}
start = time.perf_counter()
rival = LogisticRegression(C=1 / (len(y) * ALPHA), max_iter=1000).fit(X, y)
seconds = time.perf_counter() - start
curves["LogisticRegression"] = [(seconds, objective(rival.coef_, rival.intercept_))]
if torch:
    curves |= {f"Adam in PyTorch, rate {rate}": adam(rate) for rate in (1e-3, 1e-2)}
else:
    print("PyTorch is not installed: nothing is shown of Adam")
bound = ours.objective_ - ours.dual_gap_
for name, curve in curves.items():
    seconds, value = curve[-1]
    print(f"{name:28} {seconds:5.1f} s, {value - bound:.1e} above the lower bound")
    plt.loglog(*zip(*((s, v - bound) for s, v in curve if s > 0)), "o-", label=name)
plt.gca().set(xlabel="seconds", ylabel="objective − lower bound")
plt.legend()
