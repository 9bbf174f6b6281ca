"""What takes the place of a recipe's model and data: tiny checkpoints of the same architecture, in the layout in which the
recipe's is published, and a few rows of what it learns from. Each writes into a folder and returns what to --set."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymupdf

from svrag.graph.build import build_graph
from svrag.library.store import Library
from tests.evaluation.files_made import write_json, write_lines, write_picture
from tests.library.made import document
from tests.retrievers.dense.networks import write_dpr, write_qwen, write_specter2, write_splade
from tests.retrievers.elements.tiny import write_clip, write_siglip2
from tests.retrievers.multivector.colinternvl2 import tiny as colinternvl2
from tests.retrievers.multivector.colphi3v import tiny as colphi3v
from tests.retrievers.multivector.tiny import write_colqwen2_5
from tests.training.data.test_graphs import edge, node
from tests.training.models.families import FAMILIES, QUESTIONS, TEXTS, Stripes

ROOT = Path(__file__).parents[2]
Writer = Callable[[Path], list[str]]


@dataclass(frozen=True)
class Case:
    """A run of a recipe, or of a row of its table.

    Attributes:
        model, data: write what stands for the recipe's.
    """

    recipe: str
    model: Writer
    data: Writer
    row: str | None = None

    def __str__(self) -> str:
        return self.row or self.recipe


# Models -------------------------------------------------------------------------------------------------------------


def intern(folder: Path) -> list[str]:
    colinternvl2.write_published(folder / "published")
    return [f"model.name={folder / 'published' / 'base'}"]


def phi(folder: Path) -> list[str]:
    colphi3v.write_published(folder / "published")
    return [f"model.name={folder / 'published' / 'base'}"]


def demo(folder: Path) -> list[str]:
    return [f"model.name={FAMILIES['ColInternVL2'](folder)}"]


def qwen2_5(folder: Path) -> list[str]:
    return [f"model.name={write_colqwen2_5(folder / 'model')}", "model.picture_tokens=64"]


def siglip2(folder: Path) -> list[str]:
    return [f"model.vision={write_siglip2(folder / 'model', side=64)}"]


def clip(folder: Path) -> list[str]:
    return [f"model.vision={write_clip(folder / 'model')}"]


def language_model(folder: Path) -> list[str]:
    return [f"model.name={write_qwen(folder / 'model')}"]


def dpr(folder: Path) -> list[str]:
    write_dpr(folder / "model" / "question_encoder", "question", seed=1)
    write_dpr(folder / "model" / "ctx_encoder", "ctx", seed=2)
    return [f"model.name={folder / 'model'}"]


def specter2(folder: Path) -> list[str]:
    return [f"model.name={write_specter2(folder / 'model')}"]


def splade(folder: Path) -> list[str]:
    return [f"model.name={write_splade(folder / 'model')}"]


def colbert(folder: Path) -> list[str]:
    return [f"model.name={FAMILIES['text'](folder)}"]


# Data ---------------------------------------------------------------------------------------------------------------


def colpali_train_set(folder: Path) -> list[str]:
    """As on the Hub: a folder of parquet files with pictures in them."""
    import datasets

    stored = datasets.Features({"query": datasets.Value("string"), "image": datasets.Image()})
    rows = [{"query": QUESTIONS[i], "image": Stripes(i).open()} for i in range(4)]
    for split in ("train", "test"):
        file = folder / "set" / "data" / f"{split}-00000-of-00001.parquet"
        datasets.Dataset.from_list(rows, features=stored).to_parquet(file)
    return [f"data.train.path={folder / 'set'}", f"data.held_out.path={folder / 'set'}"]


def demo_data(folder: Path) -> list[str]:
    pairs = ROOT / "demo_data" / "pairs.jsonl"
    return [f"data.{part}.{key}" for part in ("train", "held_out") for key in (f"path={pairs}", "limit=4")]


def triplets(folder: Path) -> list[str]:
    return _rows(folder, lambda i: {"query": QUESTIONS[i], "positive": TEXTS[i], "negative": TEXTS[i - 1]})


def scored(folder: Path) -> list[str]:
    return _rows(folder, lambda i: {"query": QUESTIONS[i], "documents": [TEXTS[i], TEXTS[i - 1]], "scores": [2.0, -1]})


def abstracts(folder: Path) -> list[str]:
    """As `svrag train arxiv` writes them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    topics = ("gr-qc", "hep-th", "math-ph", "cs.LG", "q-bio")
    rows = [{"title": QUESTIONS[i % 4], "abstract": f"{TEXTS[i % 4]} {i}", "topic": topics[i % 5]} for i in range(20)]
    pq.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")
    return [f"data.train.path={folder / 'rows.parquet'}", "data.held_out_share=0.25"]


def graphs(folder: Path) -> list[str]:
    """Files of schema v2.1: documents with a figure, what speaks of it, and a question."""
    graphs, elements, questions = {}, [], {}
    for name in ("a", "b", "c"):
        figure, caption, header, first, second = (f"{name}-{what}" for what in ("fig.png", "caption", "s", "p0", "p1"))
        kinds = {figure: "figure", caption: "caption", header: "section_header", first: "text", second: "text"}
        graphs[name] = {
            "schema_version": "v2.1",
            "nodes": [node(id, kind, "method") for id, kind in kinds.items()],
            "edges": [
                edge(caption, figure, "caption_of"),
                edge(first, figure, "refer_to"),
                edge(header, first, "contains"),
                edge(header, second, "contains"),
            ],
        }
        elements += [
            {"id": id, "doc_id": name, "type": kind, "text": None if kind == "figure" else f"{kind} of kiln {name}"}
            for id, kind in kinds.items()
        ]
        questions[name] = {"qa": [{"question": f"How hot is kiln {name}?", "reference": figure}]}
        write_picture(folder / "pictures" / name / figure, size=(40, 30))
    files = {
        "graphs": write_json(folder / "element_graph.json", graphs),
        "elements": write_lines(folder / "elements.jsonl", elements),
        "questions": write_json(folder / "qa.json", questions),
        "pictures": folder / "pictures",
    }
    return [f"data.{part}.{key}={path}" for part in ("train", "held_out") for key, path in files.items()]


def library(folder: Path) -> list[str]:
    """Documents with tables and what speaks of them, on pages that can be drawn."""
    with pymupdf.open() as drawn_on:
        for _ in range(2):
            drawn_on.new_page(width=595, height=842)
        pages = drawn_on.tobytes()
    with Library.open(folder / "library") as made:
        for name in ("north", "south", "east"):
            one = document(f"{name}.pdf", f"The {name} kiln was fired for two days.", "As Table 1 shows, it was hot.")
            made.add(one, build_graph(one), folder / f"{name}.pdf", readable_copy=pages)
    return [f"data.train.library={folder / 'library'}"]


def _rows(folder: Path, row: Callable[[int], dict[str, Any]]) -> list[str]:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row(i % 4)) + "\n" for i in range(20)))
    return [f"data.train.path={folder / 'rows.jsonl'}"]


# Of each kind one: facets, losses, controls, what is swept, anchors, edges, tokens, gates, seeds.
_ROWS = (
    "a_baseline_infonce",
    "g_grcl_gpe_cov",
    "m_shuffled_role",
    "n_random_role",
    "o_no_query_pe_dropout",
    "gamma_07",
    "cons_10",
    "lora_r4",
    "lr_1e4",
    "tau_010",
    "anchor_caption",
    "anchor_refer",
    "anchor_nlqa",
    "edge_refer_to",
    "tokens_016",
    "h_best_combo_16k",
    "h_gpe_strong",
    "h_seed_43",
)
CASES = (
    Case("train_colInternVL2_4b_model.yaml", intern, colpali_train_set),  # SV-RAG's names
    Case("train_colphi_model.yaml", phi, colpali_train_set),
    Case("colqwen2_5", qwen2_5, colpali_train_set),
    Case("demo_tiny", demo, demo_data),
    Case("dpr", dpr, triplets),
    Case("element_graph", siglip2, graphs),
    *(Case("element_graph", siglip2, graphs, row) for row in _ROWS),
    Case("element_graph", clip, graphs, "p_encoder_clip_l14"),
    Case("element_graph_colqwen2_5", qwen2_5, library),
    Case("learn_to_pool", colbert, scored),
    Case("qwen2_5_embedding", language_model, abstracts),
    Case("specter2", specter2, triplets),
    Case("splade", splade, triplets),
)
