"""How near a reply is to a reference, in letters: works for Russian, where word measures miss inflections."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

ORDER: Final = 6
BETA: Final = 2.0


def chrf(text: str, references: Sequence[str]) -> float:
    """Return chrF2, 0 to 1, against the nearest reference (Popović, chrF, WMT 2015).

    Character n-grams of order 1 to 6 without blanks; precision and recall are averaged over the orders that
    both texts have, then F with beta 2, which weighs recall twice.
    """
    return max((_one(text, reference) for reference in references), default=0.0)


def _one(text: str, reference: str) -> float:
    precisions, recalls = [], []
    for order in range(1, ORDER + 1):
        ours, theirs = _grams(text, order), _grams(reference, order)
        if ours and theirs:
            common = (ours & theirs).total()
            precisions.append(common / ours.total())
            recalls.append(common / theirs.total())
    if not precisions:
        return 0.0
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    below = BETA**2 * precision + recall
    return (1 + BETA**2) * precision * recall / below if below else 0.0


def _grams(text: str, order: int) -> Counter[str]:
    letters = "".join(text.split())
    return Counter(letters[start : start + order] for start in range(len(letters) - order + 1))
