"""Consistency: an anchor is to find the same elements whether its place in the document is known or not.

    L(q) = KL( stopgrad softmax(s / t) || softmax(s' / t) )

over the candidates, s being the scores of the anchor with its graph position embedding and s' those without (Element
Graph for Academic Multimodal Retrieval, schema v2.1, github.com/monkcat/dl_project). Questions of users have no place:
what is learnt from anchors that have one is carried over to them. Added to another loss, with its temperature.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import kl_div

from svrag.training.batch import Scored
from svrag.training.losses.parts import log_softmax


@dataclass(frozen=True, slots=True)
class Consistency:
    """Attributes:
    temperature: t.
    """

    temperature: float

    def __call__(self, scored: Scored, placeless: Tensor) -> Tensor:
        """(queries,); at least 0, and 0 where both give the same distribution.

        Args:
            placeless: (queries, candidates), scores without places.
        """
        target = log_softmax(scored.scores.detach(), scored.candidate, self.temperature)
        without = log_softmax(placeless, scored.candidate, self.temperature)
        return kl_div(without, target, reduction="none", log_target=True).sum(1)
