"""The mean of several checkpoints of one network, with the bias of a class lowered.

    python resources/recipes/mean_weights.py OUT.safetensors IN.safetensors... --lower tumor=0.7

Weights of runs that began one with the other lie in one valley of the loss: their mean errs less
than each of them (Wortsman et al. 2022, arXiv:2203.05482). A class that training shows more often
than patients have it is believed too readily; lowering its bias by the logarithm of the ratio of
the odds gives it the chance that it has in patients.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from liverview.networks.checkpoint import load_checkpoint, save_checkpoint


def main() -> None:
    """Read, average, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--lower", metavar="CLASS=AMOUNT")
    arguments = parser.parse_args()
    read = [load_checkpoint(path) for path in arguments.checkpoints]
    last = read[-1]
    states = [checkpoint.network.state_dict() for checkpoint in read]
    mean = {
        name: torch.stack([state[name].float() for state in states]).mean(dim=0)
        if value.is_floating_point()
        else value
        for name, value in states[-1].items()
    }
    if arguments.lower:
        name, amount = arguments.lower.split("=")
        mean["head.bias"][last.classes.index(name)] -= float(amount)
    last.network.load_state_dict(mean)
    made = f"mean of {len(read)} checkpoints" + (
        f", bias lowered: {arguments.lower}" if arguments.lower else ""
    )
    card = {key: value for key, value in last.card.items() if key != "held_out_phantoms"}
    save_checkpoint(arguments.out, replace(last, card={**card, "made": made}))


if __name__ == "__main__":
    main()
