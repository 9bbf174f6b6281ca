"""A recipe: everything that a training run depends on, as one YAML file says it.

Unknown keys and wrong types are errors. How files are found, merged and reported on: `svrag.training.recipes`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from svrag.graph.model import EdgeType

# Strict: "yes", "12" and true are no numbers, and 12 is no name.
Count = Annotated[int, Field(strict=True, gt=0)]
Size = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[float, Field(strict=True, gt=0.0, allow_inf_nan=False)]
Weight = Annotated[float, Field(strict=True, ge=0.0, allow_inf_nan=False)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0.0, le=1.0)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[str, StringConstraints(strict=True, min_length=1)]
Facet = Literal["type", "role", "depth", "pos"]


class Part(BaseModel):
    """What all parts of a recipe have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ElementModel(Part):
    """An element-graph encoder made anew from pretrained towers (svrag.retrievers.elements).

    Attributes:
        kind: of the recipe's `model`.
        vision: a SigLIP2 or CLIP checkpoint; None reads figures by their words only.
        text: a text encoder; None takes the text tower of `vision`.
        dimension: of token vectors.
        longest: tokens of a text that are read.
        facets: of the graph position embedding; none switches it off.
        gate: raw gates at the start (alpha and beta).
        tokens: of a picture: 196 of SigLIP2's, or fewer by pooling the grid.
    """

    kind: Literal["elements"]
    vision: Name | None = "google/siglip2-base-patch16-224"
    text: Name | None = None
    dimension: Count = 128
    longest: Count = 64
    facets: tuple[Facet, ...] = ("type", "role", "depth", "pos")
    gate: Number = -3.0
    tokens: Count | None = None


class RetrieverModel(Part):
    """Any retriever of the project with token vectors or one vector of a text, or the model that one starts from.

    Attributes:
        name: on the Hugging Face Hub, or a folder.
        family: where the checkpoint's settings cannot tell it: those of a base that is no retriever yet. "dense" makes
            one vector of a text, "sparse" a weight for every word of the vocabulary.
        dimension: of token vectors; None is the model's own, and 128 where its family has a head that is drawn anew.
        facets: of a graph position embedding over it; none, the default, is without.
        picture_tokens: at most, where the family can be told.
        pooling: of a dense encoder made of a bare network; None is the mean of the tokens that are no padding.
        similarity: of a dense encoder's vectors; None is the checkpoint's, and cosine of a bare network.
        longest: tokens of a text that a dense or sparse encoder reads, and no more than it can; None as it says.
    """

    kind: Literal["retriever"] = "retriever"
    name: Name
    family: Name | None = None
    dimension: Count | None = None
    facets: tuple[Facet, ...] = ()
    gate: Number = -3.0
    picture_tokens: Count | None = None
    pooling: Literal["mean", "cls"] | None = None
    similarity: Literal["cosine", "dot"] | None = None
    longest: Count | None = None


class Adapter(Part):
    """LoRA (Hu et al., arXiv 2106.09685).

    Attributes:
        rank, alpha: each update is of this rank, and scaled by alpha / rank.
        init: of the first factor; the second is 0.
        targets: names of layers, as a pattern or a list; None takes those the family was published with.
        head: whether the layer that makes token vectors is trained (and saved) too.
        blend: how much of the updates is in the model that is saved, between the one before (0) and the one trained (1).
    """

    rank: Count = 32
    alpha: Count = 32
    dropout: Share = 0.1
    init: Literal["default", "gaussian"] = "gaussian"
    targets: Name | tuple[Name, ...] | None = None
    head: Flag = True
    blend: Share = 1.0


class Corpus(Part):
    """Documents that questions name by id. Their strings are read as the questions' file says (`pictures`, `folder`).

    Attributes:
        path: as of `FileData`; it may be the same file.
        id: name of the column of ids; None: ids are numbers of rows, from 0.
        document: name of the column of documents.
    """

    path: Path
    split: Name | None = None
    id: Name | None = None
    document: Name = "document"


class FileData(Part):
    """Questions and documents in a file: what all kinds of them have in common (svrag.training.data.files).

    Attributes:
        path: a parquet or JSONL file, the folder of a Hugging Face dataset on disk, or a folder of parquet files.
        split: of a dataset with several.
        query: name of the questions' column.
        pictures: strings among the documents are paths of pictures; otherwise they are texts. Pictures that are stored
            in the file need nothing said.
        folder: that paths of pictures start from; None is the folder of `path`.
        corpus: where documents are that the columns name by id; of the same kinds of files as `path`.
        limit: only the first so many rows.
    """

    path: Path
    split: Name | None = None
    query: Name = "query"
    pictures: Flag = False
    folder: Path | None = None
    corpus: Corpus | None = None
    limit: Count | None = None


class PairData(FileData):
    """A question and what answers it, with negatives where there are some. ColPali's training set is of this kind.

    Attributes:
        document: name of the column of what answers, one or several.
        negatives: name of the column of what does not, one, several or none.
        most_negatives: of a question, the first ones; None takes all.
    """

    kind: Literal["pairs"]
    document: Name = "document"
    negatives: Name = "negatives"
    most_negatives: Size | None = None


class TripletData(FileData):
    """A question, what answers it, and what does not."""

    kind: Literal["triplets"]
    positive: Name = "positive"
    negative: Name = "negative"


class ListData(FileData):
    """A question, several documents, and what a teacher scored them.

    Attributes:
        most: documents of a question, the first ones; None takes all.
    """

    kind: Literal["lists"]
    documents: Name = "documents"
    scores: Name = "scores"
    most: Count | None = None


class GraphFiles(Part):
    """Element graphs in files of schema v2.1, with their elements, and questions where there are some.

    Attributes:
        graphs: a corpus file {doc_id: graph}.
        elements: JSONL of elements.
        questions: JSON or JSONL of questions with the elements that answer them.
        pictures: folder of their pictures, DOCUMENT/ELEMENT; None takes those that `elements` names or holds.
    """

    kind: Literal["graphs"]
    graphs: Path
    elements: Path
    questions: Path | None = None
    pictures: Path | None = None


class LibraryData(Part):
    """The documents of a library of this project: their graphs are the training data.

    Attributes:
        library: its folder.
        documents: names or ids of some; none means all.
        questions: JSONL of questions with the elements (or pages) that answer them.
    """

    kind: Literal["library"]
    library: Path
    documents: tuple[Name, ...] = ()
    questions: Path | None = None


TrainingData = Annotated[PairData | TripletData | ListData | GraphFiles | LibraryData, Field(discriminator="kind")]


class Data(Part):
    """Attributes:
    train: what is learnt from.
    held_out: what the best checkpoint is chosen on; None takes `held_out_share` of `train`.
    held_out_share: by document (graphs) or row, drawn by the seed; 0 holds nothing out, and the last checkpoint is kept.
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
        group: anchors in a row that have their document, kind and negatives in common: a batch reads those once.
        edges: the edges that graph relevance walks; None walks all.
        hops, gamma: of graph relevance: paths at most so long, and what each hop after the first is worth.
        roles: the control rows: section roles as they are, permuted in a document, or drawn at random.
    """

    caption_of: Share = 1 / 3
    refer_to: Share = 1 / 3
    question: Share = 1 / 3
    pool: Count = 12
    positives: Count = 4
    other_documents: Share = 0.25
    group: Count = 1
    edges: tuple[EdgeType, ...] | None = None
    hops: Literal[1, 2] = 2
    gamma: Share = 0.5
    roles: Literal["own", "shuffled", "random"] = "own"


class TopicGroup(Part):
    """Topics that have a share of each batch together.

    Attributes:
        topics: values of the column.
        share: of the batch; shares of all groups need not add up to 1.
    """

    topics: tuple[Name, ...]
    share: Weight


class Batches(Part):
    """How rows of files are put together into batches (svrag.training.batches).

    Attributes:
        category: name of the column of topics.
        groups: of topics; rows of other topics are not learnt from. None draws all rows alike.
        tokens: of the documents of a batch of all processes together, padding counted, at most;
            `optimisation.batch` examples of each process remain the most.
    """

    category: Name | None = None
    groups: tuple[TopicGroup, ...] = ()
    tokens: Count | None = None


class LossPart(Part):
    """Attributes:
    name: of the loss; the coverage and consistency terms are added to it with their weights.
    candidates: what a query is compared with: its own documents ("pool"), or all of the batch, of all processes.
        Losses over hard negatives, triplets and a teacher's lists are over a query's own.
    score: MaxSim summed over the query's tokens, or their mean.
    temperature: that scores are divided by.
    coverage, consistency: weights of the terms; 0 is without.
    coverage_depth: K of the coverage term.
    margin: of the triplet loss, in scores divided by the temperature.
    """

    name: Literal[
        "infonce", "pairwise", "negatives", "grcl", "grcl_binary", "triplet", "kl_distillation", "margin_mse"
    ]
    candidates: Literal["batch", "pool"] = "batch"
    score: Literal["sum", "mean"] = "sum"
    temperature: Positive = 1.0
    coverage: Weight = 0.0
    coverage_depth: Count = 5
    consistency: Weight = 0.0
    margin: Positive = 1.0


class Sparsity(Part):
    """The FLOPS regulariser of sparse encoders (svrag.training.losses.flops).

    Attributes:
        query, document: its weights.
        ramp: steps until they are full; they grow as the square of the step.
    """

    query: Weight
    document: Weight
    ramp: Size = 0


class Pooling(Part):
    """Documents' token vectors are pooled while a ColBERT learns, so that it can be pooled when it is used.

    Learn to Pool (arXiv 2607.06036). At evaluation the metrics are means over all factors.

    Attributes:
        method: which vectors become one (svrag.retrievers.maxsim.pooling).
        least, most: factors, of which each step draws one.
    """

    method: Literal["span", "hierarchical", "kmeans"] = "kmeans"
    least: Count = 1
    most: Count = 6


class Optimisation(Part):
    """Attributes:
    steps: of the optimiser; None takes `epochs`, times over the training data.
    batch: examples per process and forward pass.
    accumulate: batches per step.
    chunk: items that are read at once with gradients (GradCache); None reads a batch as a whole.
    rate, schedule: the learning rate after warm-up, and what becomes of it.
    warmup: steps that it takes to get there.
    weight_decay: of AdamW.
    clip: greatest norm of the gradient.
    precision: "bf16" where the GPU has it or, without one, the processor (AMX); elsewhere that is float32.
    checkpointing: activations are computed again in the backward pass.
    parallel: how several processes share the work.
    workers: processes that prepare batches, at most as many as there are processors; 0 prepares them between steps.
    seed: of new weights, of dropout, of the order of examples, of anchors, and of what is held out.
    """

    steps: Count | None = None
    epochs: Positive = 1.0
    batch: Count = 4
    accumulate: Count = 1
    chunk: Count | None = None
    rate: Positive = 5e-5
    schedule: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "linear"
    warmup: Size = 0
    weight_decay: Weight = 0.0
    clip: Positive = 1.0
    precision: Literal["float32", "bf16"] = "bf16"
    checkpointing: Flag = False
    parallel: Literal["ddp", "fsdp"] = "ddp"
    workers: Size = 0
    seed: Size = 42


class Evaluation(Part):
    """Attributes:
    every: steps between evaluations on the held-out data; None evaluates at the end of each epoch.
    metric: that the best checkpoint is chosen by.
    patience: evaluations without a better one after which training stops; None never does.
    batch: items read at once.
    """

    every: Count | None = None
    metric: Literal["ndcg@10", "mrr", "recall@1", "recall@5", "recall@10"] = "ndcg@10"
    patience: Count | None = None
    batch: Count = 8


class Output(Part):
    """Attributes:
    folder: of the run; the adapter of the best checkpoint is in its subfolder "model".
    log_every: steps.
    keep: checkpoints, besides the best.
    tensorboard: whether curves are written.
    """

    folder: Path
    log_every: Count = 10
    keep: Count = 1
    tensorboard: Flag = True


class Recipe(Part):
    """A training run.

    Attributes:
        row: name of the row of a table of experiments that this is, where it is one.
    """

    row: Name | None = None
    model: Annotated[ElementModel | RetrieverModel, Field(discriminator="kind")]
    adapter: Adapter | None = Adapter()
    data: Data
    sampler: Anchors = Anchors()
    batches: Batches | None = None
    loss: LossPart
    pooling: Pooling | None = None
    sparsity: Sparsity | None = None
    optimisation: Optimisation = Optimisation()
    evaluation: Evaluation = Evaluation()
    output: Output

    @model_validator(mode="after")
    def _parts_fit(self) -> Recipe:
        reason = _misfit(self)
        if reason:
            raise ValueError(reason)
        return self


def _misfit(recipe: Recipe) -> str | None:
    """What parts of the recipe ask of each other and do not get: the keys and what to do; None when all fits."""
    data, loss, train = recipe.data, recipe.loss, recipe.data.train
    graphs = isinstance(train, GraphFiles | LibraryData)
    if loss.name in ("kl_distillation", "margin_mse") and not isinstance(train, ListData):
        return f"loss.name {loss.name} learns from a teacher's scores: data.train.kind must be lists"
    if isinstance(train, ListData) and loss.name not in ("kl_distillation", "margin_mse"):
        return f"loss.name {loss.name} does not learn from a teacher's scores: data.train.kind must not be lists"
    if loss.name == "kl_distillation" and isinstance(train, ListData) and train.most is not None and train.most < 3:
        return (
            "loss.name kl_distillation learns nothing from lists of two documents: data.train.most must be 3 or more"
        )
    if loss.name in ("negatives", "triplet", "kl_distillation", "margin_mse") and loss.candidates != "pool":
        return f"loss.name {loss.name} compares a query with its own documents only: loss.candidates must be pool"
    if loss.consistency and not recipe.model.facets:
        return (
            "loss.consistency compares with and without a graph position embedding: name model.facets, or set it to 0"
        )
    if recipe.model.facets and not graphs:
        return "model.facets are of elements in graphs: data.train.kind must be graphs or library, or model.facets []"
    if recipe.sampler != Anchors() and not graphs:
        return "sampler draws from graphs: data.train.kind must be graphs or library, or leave sampler out"
    if recipe.pooling and recipe.pooling.least > recipe.pooling.most:
        return f"pooling.least is {recipe.pooling.least}, more than pooling.most, {recipe.pooling.most}"
    if recipe.batches:
        if not isinstance(train, FileData):
            return (
                "batches are of rows in files: data.train.kind must be pairs, triplets or lists, or leave batches out"
            )
        if bool(recipe.batches.category) != bool(recipe.batches.groups):
            return "batches.category names the column and batches.groups the topics: set both, or none"
        if recipe.batches.tokens and not recipe.optimisation.steps:
            return "batches.tokens makes batches of different sizes: say with optimisation.steps how many are made"
    if data.held_out and data.held_out_share:
        return "data.held_out and data.held_out_share are two ways to hold out: leave one of them out"
    if recipe.evaluation.patience and not (data.held_out or data.held_out_share):
        return "evaluation.patience needs data that are held out: set data.held_out or data.held_out_share"
    if recipe.sampler.caption_of + recipe.sampler.refer_to + recipe.sampler.question == 0:
        return "sampler.caption_of, refer_to and question are all 0: nothing would be drawn"
    return None
