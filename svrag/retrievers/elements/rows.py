"""The rows of a set of element-graph encoders, and the encoder of one: published, or saved by this project.

A row is one experiment of the published study. What each was trained with: configs/element_graph_rows.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from svrag.errors import InputError
from svrag.retrievers.elements.config import ElementConfig, Facet, Lora
from svrag.retrievers.elements.encoder import ElementGraphEncoder, made
from svrag.retrievers.elements.model import ElementGraphModel, new_model
from svrag.retrievers.elements.prepare import Inputs
from svrag.retrievers.elements.published import MANIFEST, read_manifest, read_state
from svrag.retrievers.elements.saved import CONFIG, WEIGHTS, load, put_in
from svrag.retrievers.multivector.hub import file_of

PUBLISHED = "ljh38/element-graph-encoder-v2.1"
"""Where the 42 rows of the study are, on the Hugging Face Hub."""

SIGLIP2, CLIP = "google/siglip2-base-patch16-224", "openai/clip-vit-large-patch14"

_ALL: tuple[Facet, ...] = ("type", "role", "depth", "pos")


@dataclass(frozen=True, slots=True)
class Row:
    """A published encoder.

    Attributes:
        vision: the checkpoint that both towers are of.
        rank: of LoRA; alpha is twice that.
        facets: that it was trained with. Rows without any hold a GPE that no gradient reached: it is left out.
        tokens: of a picture; None are all patches.
    """

    name: str
    vision: str = SIGLIP2
    rank: int = 8
    facets: tuple[Facet, ...] = _ALL
    tokens: int | None = None

    @property
    def alpha(self) -> int:
        return 2 * self.rank


_NOT_AS_H = (
    Row("a_baseline_infonce", facets=()),
    Row("b_gpe_type_infonce", facets=("type",)),
    Row("c_gpe_type_role_infonce", facets=("type", "role")),
    Row("e_grcl_no_gpe", facets=()),
    Row("p_encoder_clip_l14", CLIP),
    Row("lora_r4", rank=4),
    Row("lora_r16", rank=16),
    Row("lora_r32", rank=32),
    Row("tokens_016", tokens=16),
    Row("tokens_064", tokens=64),
)
_AS_H = (
    *("d_gpe_full_infonce", "f_grcl_gpe", "g_grcl_gpe_cov", "h_full_method"),
    *("m_shuffled_role", "n_random_role", "o_no_query_pe_dropout"),
    *("gamma_03", "gamma_07", "cov_00", "cov_01", "cov_05", "cov_10", "cons_00", "cons_01", "cons_03", "cons_10"),
    *("lr_1e4", "lr_1e5", "tau_005", "tau_010", "anchor_caption", "anchor_refer", "anchor_nlqa"),
    *("edge_caption_of", "edge_refer_to", "edge_contains"),
    *("h_best_combo", "h_best_combo_16k", "h_gpe_strong", "h_seed_43", "h_seed_44"),
)
ROWS: dict[str, Row] = {row.name: row for row in sorted((*_NOT_AS_H, *map(Row, _AS_H)), key=lambda row: row.name)}
"""The 42 of the study, by name: what of each the encoder's shape depends on."""


def load_row(row: str, folder_or_repo: str | Path = PUBLISHED) -> ElementGraphEncoder:
    """The encoder of a row, ready to encode.

    Args:
        folder_or_repo: a folder, or a repository on the Hugging Face Hub: in the published layout (manifest.json), or
            with a subfolder for each row as `svrag.retrievers.elements.saved` writes it.

    Raises:
        InputError: no such row (names those there are), no network, or files do not fit.
    """
    source = str(folder_or_repo)
    model, inputs, revision = _read(row, source)
    return made(f"{source}#{row}", revision, model, inputs)


def read_row(row: str, folder_or_repo: str | Path = PUBLISHED) -> tuple[ElementGraphModel, Inputs]:
    """The same as a network, to train or to export it.

    Raises:
        InputError: as `load_row`.
    """
    model, inputs, _ = _read(row, str(folder_or_repo))
    return model, inputs


def config_of(row: str, told: dict[str, Any]) -> ElementConfig:
    """What a row of a manifest is made of.

    The published manifest tells neither the tokens of a picture nor which rows were trained without a GPE: for the
    rows of the study, `ROWS` does.
    """
    known = ROWS.get(row, Row(row))
    facets = tuple(facet for facet in str(told["gpe_facets"]).split(",") if facet)
    return ElementConfig(
        vision=str(told["hf_id"]),
        facets=facets if known.facets else (),  # type: ignore[arg-type]
        tokens=told.get("tokens_per_visual", known.tokens) or None,
        lora=Lora(int(told["lora_rank"]), int(told["lora_alpha"])),
    )


def _read(row: str, source: str) -> tuple[ElementGraphModel, Inputs, str]:
    """With the commit on the Hub."""
    found = file_of(source, MANIFEST)
    if found is None:
        settings, weights = file_of(source, f"{row}/{CONFIG}"), file_of(source, f"{row}/{WEIGHTS}")
        if settings is None or weights is None:
            raise InputError(f"no row {row} in {source}: it has neither {MANIFEST} nor {row}/{CONFIG}")
        return *load(settings[0].parent), settings[1]
    rows = read_manifest(found[0])
    if row not in rows:
        raise InputError(f"no row {row} in {source}: it has {', '.join(sorted(rows))}")
    adapter = file_of(source, str(rows[row]["adapter"]))
    if adapter is None:
        raise InputError(f"{source} lacks {rows[row]['adapter']}: get it again")
    config = config_of(row, rows[row])
    state = read_state(adapter[0], positions=bool(config.facets))
    model, inputs = new_model(config)
    put_in(model, state, f"{source}#{row}")
    return model, inputs, found[1]
