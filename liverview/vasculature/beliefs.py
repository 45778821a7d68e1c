"""How likely each piece is of each tree: evidence and relations weighed together.

Two small networks turn the evidence of a piece, and that of two pieces that meet, into logits;
belief propagation (Pearl 1988) carries them through the graph. Their numbers were fitted to
phantoms, whose trees are known, through the propagation itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from liverview.core import paths
from liverview.vasculature.evidence import STATES
from liverview.vasculature.relations import Relations
from liverview.vasculature.voxel_graph import Lengths

ROUNDS = 15
DAMPING = 0.5

Kinds = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class SmallNetwork:
    """One hidden layer of tanh; features are standardized before it.

    Attributes
    ----------
    middle, spread : of each feature.
    hidden, hidden_bias, out, out_bias : weights, (features, n), (n,), (n, outputs), (outputs,).
    """

    middle: Lengths
    spread: Lengths
    hidden: Lengths
    hidden_bias: Lengths
    out: Lengths
    out_bias: Lengths

    def __call__(self, features: Lengths) -> Lengths:
        """The outputs, (..., outputs), for features (..., features)."""
        inner = np.tanh((features - self.middle) / self.spread @ self.hidden + self.hidden_bias)
        outputs: Lengths = inner @ self.out + self.out_bias
        return outputs


@cache
def networks() -> tuple[SmallNetwork, SmallNetwork]:
    """The fitted networks of evidence and of relations."""
    text = (paths.resources() / "trees" / "trees.json").read_text(encoding="utf-8")
    stored: Mapping[str, Mapping[str, list[float]]] = json.loads(text)
    one, two = (
        SmallNetwork(**{name: np.array(values) for name, values in stored[part].items()})
        for part in ("evidence", "relations")
    )
    return one, two


def relation_kinds() -> Kinds:
    """By the ends at which two pieces meet and their states, the number of their relation.

    (2, 2, STATES, STATES): 0 the first is the parent, 1 the second is, 2 both leave the place
    where they meet, 3 both end there, 4 they are of different trees.
    """
    found = np.zeros((2, 2, STATES, STATES), np.intp)
    for index in np.ndindex(found.shape):
        one_last, two_last, one, two = index
        if one // 2 != two // 2:
            found[index] = 4
            continue
        arrives = (one % 2 == 0) == bool(one_last), (two % 2 == 0) == bool(two_last)
        found[index] = {(True, False): 0, (False, True): 1, (False, False): 2}.get(arrives, 3)
    return found


def relation_scores(relations: Relations, outputs: Lengths) -> Lengths:
    """The logits of each pair of states of each relation, (n, STATES, STATES).

    Parameters
    ----------
    outputs : (n, 2, 4) of the network: parent, both leave, both end, different trees.
    """
    there, back = outputs[:, 0], outputs[:, 1]
    both = there[:, 1:] + back[:, 1:]
    values = np.column_stack([there[:, 0], back[:, 0], both])
    ends = relations.by_last.astype(np.intp)
    kinds = relation_kinds()[ends[:, 0], ends[:, 1]]
    found: Lengths = np.take_along_axis(values, kinds.reshape(len(values), -1), axis=1)
    return found.reshape(-1, STATES, STATES)


def propagate(scores: Lengths, relations: Relations, pairs: Lengths) -> Lengths:
    """The logarithm of the probability of each piece's states, (n, STATES).

    Parameters
    ----------
    scores : of each piece's states alone.
    pairs : of the relations, as of `relation_scores`.
    """
    one, two = relations.pieces.T
    to_one = np.zeros((len(pairs), STATES))
    to_two = np.zeros((len(pairs), STATES))
    for _ in range(ROUNDS):
        belief = scores.copy()
        np.add.at(belief, one, to_one)
        np.add.at(belief, two, to_two)
        next_two = _log_sum(pairs + (belief[one] - to_one)[:, :, None], 1)
        next_one = _log_sum(pairs + (belief[two] - to_two)[:, None, :], 2)
        to_two = DAMPING * to_two + (1 - DAMPING) * _normal(next_two)
        to_one = DAMPING * to_one + (1 - DAMPING) * _normal(next_one)
    belief = scores.copy()
    np.add.at(belief, one, to_one)
    np.add.at(belief, two, to_two)
    return _normal(belief)


def _log_sum(values: Lengths, axis: int) -> Lengths:
    most = values.max(axis=axis, keepdims=True)
    total: Lengths = np.log(np.exp(values - most).sum(axis=axis)) + most.squeeze(axis)
    return total


def _normal(values: Lengths) -> Lengths:
    return values - _log_sum(values, 1)[:, None]
