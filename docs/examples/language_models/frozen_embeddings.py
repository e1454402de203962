"""
A head on frozen embeddings of a language model
===============================================

The cheapest way to put a language model to use is to leave it as it is and to train one linear
layer, the head, on its embeddings. That problem is convex: it has one optimum, a certificate and no
learning rate. Adam, by which such layers are mostly trained, comes near if its rate is good;
``LogisticRegression`` gets there as well, and on few dimensions in less time.

The texts are those of twenty newsgroups where ``NNO_SKLEARN_DATA`` names a folder that has them,
otherwise of scikit-learn's documentation. The embeddings are wordllama's, of Llama's tokens, where
that package is installed; otherwise latent semantic analysis stands in.
"""

import inspect
import lzma
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import softmax
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils.discovery import all_estimators

from nno_sklearn import NNOClassifier, NNOSearchCV

try:
    import torch
except ImportError:
    torch = None
    print("PyTorch is not installed: nothing is shown of Adam")
try:
    import wordllama
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer
except ImportError:
    wordllama = None
    print("wordllama is not installed: latent semantic analysis stands in for a language model")

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
    tokenizer = str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json")
    tokens = Tokenizer.from_file(tokenizer).encode_batch([text[:2000] for text in texts])
    X = np.array([vectors[text.ids].mean(axis=0, dtype=np.float32) for text in tokens])
else:
    X = TruncatedSVD(200, random_state=0).fit_transform(TfidfVectorizer().fit_transform(texts))
X = StandardScaler().fit_transform(X).astype(np.float32)
topics, y = np.unique(topics, return_inverse=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
print(f"{X.shape[0]:,} texts of {len(topics)} topics, {X.shape[1]} dimensions")

# %%
# The strength of the penalty, by a search in three folds:
start = time.perf_counter()
model, alphas = NNOClassifier(tol=1e-3), np.logspace(-3, -1.5, 4)
search = NNOSearchCV(model, alphas=alphas, cv=3, scoring="neg_log_loss").fit(X, y)
print(f"{'NNOSearchCV':18} {time.perf_counter() - start:5.1f} s, {search.best_params_}")
ALPHA = search.best_params_["alpha"]

# %%
# One fit of that strength. Adam takes batches of 256, and lowers its learning rate to 0.


def report(name, curve, coef, intercept):
    accuracy = np.mean((X_test @ coef.T + intercept).argmax(axis=1) == y_test)
    seconds, values = np.transpose(curve)
    print(f"{name:18} {seconds[-1]:5.1f} s, objective {values[-1]:.5f}, accuracy {accuracy:.4f}")
    plt.loglog(seconds, values - bound, "o-", label=name)


def objective(coef, intercept):
    shares = softmax(X @ coef.T.astype(float) + intercept, axis=1)
    return log_loss(y, shares) + ALPHA / 2 * np.vdot(coef, coef)


ours = NNOClassifier(alpha=ALPHA).fit(X, y)
bound = ours.objective_ - ours.dual_gap_
curve = [(record.seconds, record.objective) for record in ours.history_]
report("NNOClassifier", curve, ours.coef_, ours.intercept_)
start = time.perf_counter()
rival = LogisticRegression(C=1 / (len(y) * ALPHA), max_iter=1000).fit(X, y)
curve = [(time.perf_counter() - start, objective(rival.coef_, rival.intercept_))]
report("LogisticRegression", curve, rival.coef_, rival.intercept_)
for rate in (1e-3, 1e-2) if torch else ():
    torch.manual_seed(0)
    rows, labels = map(torch.from_numpy, (X, y))
    head = torch.nn.Linear(X.shape[1], len(topics))
    parameters = [part.detach().numpy() for part in head.parameters()]
    groups = {"params": head.weight, "weight_decay": ALPHA}, {"params": head.bias}
    optimizer = torch.optim.Adam(groups, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    curve, seconds = [], 0.0
    for _ in range(20):
        start = time.perf_counter()
        for batch in torch.randperm(len(y)).split(256):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(head(rows[batch]), labels[batch]).backward()
            optimizer.step()
        schedule.step()
        seconds += time.perf_counter() - start
        curve.append((seconds, objective(*parameters)))
    report(f"Adam, rate {rate}", curve, *parameters)
plt.gca().set(xlabel="seconds", ylabel="objective − lower bound")
plt.legend()
