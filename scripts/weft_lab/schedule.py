"""The order of the samples of one round: competitors side by side, everything else reshuffled."""

from __future__ import annotations

import random
from collections.abc import Iterable

from weft_lab.cells import Arm, Cell


def round_order(cells: dict[Cell, int], seed: int, number: int) -> list[Arm]:
    """Round `number`: a block for each question, blocks and their insides shuffled anew.

    The order depends on the seed, the round and the cells only, so that a resumed run goes on exactly
    where it was.
    """
    blocks: dict[object, list[Arm]] = {}
    for cell, arms in cells.items():
        blocks.setdefault(cell.question, []).extend(Arm(cell, arm) for arm in range(arms))
    source = random.Random(f"{seed}/{number}")
    order = list(blocks.values())
    source.shuffle(order)
    for block in order:
        source.shuffle(block)
    return [arm for block in order for arm in block]


def sample_seed(seed: int, arm: Arm, number: int) -> int:
    """The seed that a sample's own randomness starts from: competitors get the same one."""
    return random.Random(f"{seed}/{number}/{arm.arm}/{arm.cell.question}").getrandbits(32)


def combinations(cells: Iterable[Cell], controls: set[str]) -> set[tuple[str, str]]:
    """The channel x scheduler pairs, controls aside, that some cell measures."""
    return {
        (cell.channel, cell.scheduler)
        for cell in cells
        if cell.channel and cell.scheduler and not {cell.channel, cell.scheduler} & controls
    }
