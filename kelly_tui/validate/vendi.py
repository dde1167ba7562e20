"""How many pieces the music is worth, by how alike its features are: the Vendi score.

Friedman and Dieng, "The Vendi Score: a diversity evaluation metric for machine learning" (2023): the exponential of
the entropy of the eigenvalues of similarities over their number. Pieces that have nothing in common count whole,
pieces that are the same count once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kelly_tui.store.catalogue import Catalogue
from kelly_tui.store.schema import ORIGIN
from kelly_tui.validate.adversarial import vectors_of

Floats = NDArray[np.float64]


def vendi(similarities: Floats) -> float:
    """1..n, of (n, n) similarities: positive semi-definite, 1 of everything to itself. 0 of nothing."""
    return _effective(similarities / max(len(similarities), 1))


def _effective(products: Floats) -> float:
    """By the eigenvalues, which add up to 1, of a symmetric matrix."""
    if not len(products):
        return 0.0
    shares = np.linalg.eigvalsh(products)
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def effective_pieces(catalogue: Catalogue) -> tuple[float, int]:
    """The Vendi score of imported pieces by the cosine of their standardised features, and of how many pieces.

    Of at most 500, one of a song; broken ones are left out. (0, 0) where there are none.
    """
    rows = vectors_of(catalogue, f"{ORIGIN} = 'imported'")
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not rows.size:
        return 0.0, 0
    standard = (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-9)
    lengths = np.linalg.norm(standard, axis=1, keepdims=True)
    alone = lengths[:, 0] == 0  # no different from the mean: of one piece, or of pieces that are all the same
    turned = np.column_stack((standard / np.where(lengths == 0, 1.0, lengths), alone))  # these are like each other
    return _effective(turned.T @ turned / len(rows)), len(rows)  # its eigenvalues are those of the similarities
