"""A recipe: everything that a training run depends on, as one YAML file says it.

Unknown keys and wrong types are errors. How files are found, merged and reported on: `svrag.training.recipes`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from svrag.graph.model import EdgeType

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Part(BaseModel):
    """What all parts of a recipe have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ElementModel(Part):
    """An element-graph encoder made anew from pretrained towers (svrag.retrievers.elements).

    Attributes:
        kind: of the recipe's `model`.
        vision: a SigLIP2 or CLIP checkpoint; None reads figures by their words only.
        text: a text encoder; None takes the text tower of `vision`.
        facets: of the graph position embedding; none switches it off.
        gate: raw gates at the start (alpha and beta).
        tokens: of a picture: 196 of SigLIP2's, or fewer by pooling the grid.
    """

    kind: Literal["elements"]
    vision: str | None = "google/siglip2-base-patch16-224"
    text: str | None = None
    dimension: PositiveInt = 128
    longest: PositiveInt = 64
    facets: tuple[Literal["type", "role", "depth", "pos"], ...] = ("type", "role", "depth", "pos")
    gate: float = -3.0
    tokens: PositiveInt | None = None


class RetrieverModel(Part):
    """Any multi-vector retriever of the project, or the language model that one starts from.

    Attributes:
        name: on the Hugging Face Hub, or a folder.
        family: where the checkpoint's settings cannot tell it: those of a base that is no retriever yet.
        facets: of a graph position embedding over it; none, the default, is without.
        picture_tokens: at most, where the family can be told.
    """

    kind: Literal["retriever"] = "retriever"
    name: str
    family: str | None = None
    dimension: PositiveInt = 128
    facets: tuple[Literal["type", "role", "depth", "pos"], ...] = ()
    gate: float = -3.0
    picture_tokens: PositiveInt | None = None


class Adapter(Part):
    """LoRA (Hu et al., arXiv 2106.09685).

    Attributes:
        targets: names of layers, as a pattern or a list; None takes those the family was published with.
        head: whether the layer that makes token vectors is trained (and saved) too.
    """

    rank: PositiveInt = 32
    alpha: PositiveInt = 32
    dropout: Share = 0.1
    init: Literal["default", "gaussian"] = "gaussian"
    targets: str | tuple[str, ...] | None = None
    head: bool = True


class FileData(Part):
    """Questions and documents in files (svrag.training.data): pairs with negatives, triplets, scored lists.

    Attributes:
        path: a parquet or JSONL file, or the folder of a Hugging Face dataset on disk.
        split: of a dataset with several.
        query, document, negatives, scores: names of columns.
        documents: folder that paths of pictures start from; None is the folder of `path`.
        limit: only the first so many rows.
        most_negatives: of a question, at most; None takes all.
    """

    kind: Literal["pairs", "triplets", "lists"]
    path: Path
    split: str | None = None
    query: str = "query"
    document: str = "document"
    negatives: str = "negatives"
    scores: str = "scores"
    documents: Path | None = None
    limit: PositiveInt | None = None
    most_negatives: NonNegativeInt | None = None


class GraphFiles(Part):
    """Element graphs in files of schema v2.1, with their elements, and questions where there are some.

    Attributes:
        graphs: a corpus file {doc_id: graph}.
        elements: JSONL of elements.
        questions: JSON or JSONL of questions with the elements that answer them.
    """

    kind: Literal["graphs"]
    graphs: Path
    elements: Path
    questions: Path | None = None


class LibraryData(Part):
    """The documents of a library of this project: their graphs are the training data.

    Attributes:
        library: its folder.
        documents: names or ids of some; none means all.
        questions: JSONL of questions with the elements (or pages) that answer them.
    """

    kind: Literal["library"]
    library: Path
    documents: tuple[str, ...] = ()
    questions: Path | None = None


TrainingData = Annotated[FileData | GraphFiles | LibraryData, Field(discriminator="kind")]


class Data(Part):
    """Attributes:
    train: what is learnt from.
    held_out: what the best checkpoint is chosen on; None with `held_out_share` splits `train`.
    held_out_share: of the training data by document (graphs) or row, chosen by the seed; 0 holds nothing out.
    """

    train: TrainingData
    held_out: TrainingData | None = None
    held_out_share: Share = 0.0


class Anchors(Part):
    """How anchors and pools are drawn from element graphs (svrag.training.data.anchors).

    Attributes:
        caption_of, refer_to, question: shares of the anchors.
        pool: documents of an anchor.
        positives: one-hop neighbours among them, at most.
        other_documents: share of the negatives from other documents.
        edges: the edges that graph relevance walks; None walks all.
        hops, gamma: of graph relevance: paths at most so long, and what each hop after the first is worth.
        roles: the control rows: section roles as they are, permuted in a document, or drawn at random.
    """

    caption_of: Share = 1 / 3
    refer_to: Share = 1 / 3
    question: Share = 1 / 3
    pool: PositiveInt = 12
    positives: PositiveInt = 4
    other_documents: Share = 0.25
    edges: tuple[EdgeType, ...] | None = None
    hops: Literal[1, 2] = 2
    gamma: Share = 0.5
    roles: Literal["own", "shuffled", "random"] = "own"


class LossPart(Part):
    """Attributes:
    name: of the loss; the coverage and consistency terms are added to it with their weights.
    candidates: what a query is compared with: its own documents ("pool"), or all of the batch, of all processes.
    score: MaxSim summed over the query's tokens, or their mean.
    temperature: that scores are divided by.
    coverage, consistency: weights of the terms; 0 is without.
    coverage_depth: K of the coverage term.
    margin: of the triplet loss.
    """

    name: Literal[
        "infonce", "pairwise", "negatives", "grcl", "grcl_binary", "triplet", "kl_distillation", "margin_mse"
    ]
    candidates: Literal["batch", "pool"] = "batch"
    score: Literal["sum", "mean"] = "sum"
    temperature: PositiveFloat = 1.0
    coverage: NonNegativeFloat = 0.0
    coverage_depth: PositiveInt = 5
    consistency: NonNegativeFloat = 0.0
    margin: PositiveFloat = 1.0


class Optimisation(Part):
    """Attributes:
    steps: of the optimiser; None takes `epochs`.
    batch: examples per process and forward pass.
    accumulate: batches per step.
    chunk: items that are read at once with gradients (GradCache); None reads a batch as a whole.
    warmup: steps.
    clip: greatest norm of the gradient.
    precision: "bf16" where the machine has it.
    checkpointing: activations are computed again in the backward pass.
    parallel: how several processes share the work.
    workers: processes that prepare batches.
    """

    steps: PositiveInt | None = None
    epochs: PositiveFloat = 1.0
    batch: PositiveInt = 4
    accumulate: PositiveInt = 1
    chunk: PositiveInt | None = None
    rate: PositiveFloat = 5e-5
    schedule: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "linear"
    warmup: NonNegativeInt = 0
    weight_decay: NonNegativeFloat = 0.0
    clip: PositiveFloat = 1.0
    precision: Literal["float32", "bf16"] = "bf16"
    checkpointing: bool = False
    parallel: Literal["ddp", "fsdp"] = "ddp"
    workers: NonNegativeInt = 0
    seed: NonNegativeInt = 42


class Evaluation(Part):
    """Attributes:
    every: steps between evaluations on the held-out data; None evaluates at the end of each epoch.
    metric: that the best checkpoint is chosen by.
    patience: evaluations without a better one after which training stops; None never does.
    batch: items read at once.
    """

    every: PositiveInt | None = None
    metric: Literal["ndcg@10", "mrr", "recall@1", "recall@5", "recall@10"] = "ndcg@10"
    patience: PositiveInt | None = None
    batch: PositiveInt = 8


class Output(Part):
    """Attributes:
    folder: of the run; the adapter of the best checkpoint is in its subfolder "model".
    log_every: steps.
    keep: checkpoints, besides the best.
    tensorboard: whether curves are written.
    """

    folder: Path
    log_every: PositiveInt = 10
    keep: PositiveInt = 1
    tensorboard: bool = True


class Recipe(Part):
    """A training run."""

    model: Annotated[ElementModel | RetrieverModel, Field(discriminator="kind")]
    adapter: Adapter | None = Adapter()
    data: Data
    sampler: Anchors = Anchors()
    loss: LossPart
    optimisation: Optimisation = Optimisation()
    evaluation: Evaluation = Evaluation()
    output: Output
