"""From the model part of a recipe to a model that is open for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from svrag.errors import InputError
from svrag.training.config import Adapter, ElementModel, RetrieverModel
from svrag.training.models.trainable import Trainable

if TYPE_CHECKING:
    import torch

    from svrag.retrievers.multivector.hub import Checkpoint

_TEXT, _DENSE, _SPARSE = "text", "dense", "sparse"
_PHI3 = ("ColInternVL2", "ColPhi3V")


def open_for_training(
    model: ElementModel | RetrieverModel,
    adapter: Adapter | None,
    *,
    seed: int,
    device: str | torch.device,
    dtype: torch.dtype,
) -> Trainable:
    """The model, with what is trained of it requiring gradients.

    Args:
        adapter: None trains all weights.
        seed: of new weights: LoRA's, and a head where the model has none yet.
        dtype: of the weights that are not trained; those that are, are float32.

    Raises:
        InputError: no such model, its files do not fit, or the recipe asks for what its family cannot do.
    """
    try:
        opened = _opened(model, adapter, seed=seed, dtype=dtype)
    except ModuleNotFoundError as error:
        raise InputError(f'training needs {error.name}: pip install "svrag[train]"') from None
    opened.network.to(device)
    return opened


def reads_pictures(model: ElementModel | RetrieverModel) -> bool:
    """Whether figures are read as pictures; else by their words.

    Raises:
        InputError: no such model.
    """
    if isinstance(model, ElementModel):
        return model.vision is not None
    return not _two_sided(model.name) and _family(model)[1] not in (_TEXT, _DENSE, _SPARSE)


def makes_terms(model: ElementModel | RetrieverModel) -> bool:
    """Whether it is a sparse encoder.

    Raises:
        InputError: no such model.
    """
    return isinstance(model, RetrieverModel) and not _two_sided(model.name) and _family(model)[1] == _SPARSE


def _opened(
    model: ElementModel | RetrieverModel, adapter: Adapter | None, *, seed: int, dtype: torch.dtype
) -> Trainable:
    if isinstance(model, ElementModel):
        from svrag.training.models.elements import open_elements

        return open_elements(model, adapter, seed=seed)
    if _two_sided(model.name):
        from svrag.training.models.two_sided import open_two_sided

        return open_two_sided(model, adapter)
    checkpoint, family, told = _family(model)
    if family == _DENSE:
        from svrag.training.models.dense import open_dense

        return open_dense(model, checkpoint, adapter, seed=seed)
    if family == _SPARSE:
        from svrag.training.models.sparse import open_sparse

        return open_sparse(model, checkpoint, adapter, seed=seed)
    for key, value in (("pooling", model.pooling), ("similarity", model.similarity), ("longest", model.longest)):
        if value is not None:
            raise InputError(f"model.{key} is for model.family {_DENSE}; {model.name} is {family}")
    if family == _TEXT:
        from svrag.training.models.text import open_text

        return open_text(model, checkpoint, adapter, late=told, seed=seed)
    if family in _PHI3:
        from svrag.training.models.phi3 import open_phi3

        return open_phi3(model, checkpoint, family, adapter, seed=seed, dtype=dtype)
    from svrag.training.models.colpali import open_colpali

    return open_colpali(model, checkpoint, family, adapter, seed=seed, dtype=dtype)


def _two_sided(name: str) -> bool:
    """Whether `name` is of DPR or SPECTER2 as retrievers are named, or a folder with one."""
    from svrag.retrievers.dense.loading import LAYOUTS, family_in

    return name.partition(":")[0] in LAYOUTS or family_in(name) is not None


def _family(model: RetrieverModel) -> tuple[Checkpoint, str, bool]:
    """The model's files, its family, and whether they tell of it themselves.

    Raises:
        InputError: no such model, or nothing tells of its family.
    """
    from svrag.retrievers.multivector.hub import locate
    from svrag.retrievers.multivector.loading import ALIASES, FAMILIES, family_of

    families = (*FAMILIES, _DENSE, _SPARSE)
    checkpoint = locate(ALIASES.get(model.name, model.name))
    told: str | None
    try:
        told = family_of(checkpoint)
    except InputError as error:
        told = _one_vector_family(checkpoint)
        if model.family is None and told is None:
            raise InputError(
                f"{error}; a model that is to become one needs model.family ({', '.join(families)})"
            ) from None
    family = model.family or told
    if family not in families:
        raise InputError(f"model.family: {family} is none; there are {', '.join(families)}")
    return checkpoint, family, told == family


def _one_vector_family(checkpoint: Checkpoint) -> str | None:
    """None where nothing tells of one."""
    from svrag.retrievers.kinds import is_sparse
    from svrag.training.models.dense import is_dense

    if is_sparse(checkpoint):
        return _SPARSE
    return _DENSE if is_dense(checkpoint) else None
