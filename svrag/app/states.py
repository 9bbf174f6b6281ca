"""HTML of how it stands with models: each with its state in words, a bar while it is on its way, why it failed."""

from __future__ import annotations

from collections.abc import Sequence

from svrag.app.markup import button, escaped
from svrag.app.models import Needed
from svrag.retrievers.loads import Load, Network

_ROLES = {"finds": "finds evidence", "answers": "writes answers"}


def models_html(models: Sequence[Needed]) -> str:
    """All of them; a button that loads what is not there yet. Nothing for none."""
    if not models:
        return ""
    states = [(model, model.load()) for model in models]
    rows = "".join(
        f'<li><b>{escaped(model.name)}</b> <span class="sv-subdued">{_ROLES[model.role]}</span>{_state(model, load)}</li>'
        for model, load in states
    )
    here = [load for model, load in states if model.key]
    loads = "" if any(load.under_way for load in here) else _button({load.state for load in here})
    return f'<ul class="sv-models">{rows}</ul>{loads}'


def under_way_html(models: Sequence[Needed]) -> str:
    """Those alone that are being downloaded or loaded, beside an answer that waits for them."""
    rows = "".join(
        f"<li><b>{escaped(model.name)}</b>{_state(model, load)}</li>"
        for model in models
        if (load := model.load()).under_way
    )
    return f'<ul class="sv-models">{rows}</ul>' if rows else ""


def said(model: Needed, load: Load) -> str:
    """The state in words."""
    if not model.key:
        return "on a server; nothing is loaded here"
    match load.state:
        case "unloaded":
            return "not loaded yet: the next question loads it"
        case "downloading":
            return f"downloading: {_megabytes(load.done, load.total)} · {load.seconds:.0f} s"
        case "loading":
            weights = f" weights: {load.done} of {load.total}" if load.total else ""
            return f"loading{weights} · {load.seconds:.0f} s"
        case "ready":
            return f"ready{_network(load.network)} · took {load.seconds:.1f} s"
        case "failed":
            return load.error


def _state(model: Needed, load: Load) -> str:
    name = escaped(f"{model.name}: {load.state}")
    share = (
        f' max="100" value="{100 * load.done / load.total:.0f}"' if load.total else ""
    )  # without: it moves on the spot
    bar = f'<progress{share} aria-label="{name}"></progress>' if load.under_way else ""
    kind = {"ready": " sv-ready", "failed": " sv-failed"}.get(load.state, "")
    return f'<span class="sv-state{kind}">{escaped(said(model, load))}</span>{bar}'


def _button(states: set[str]) -> str:
    label = "Try again" if "failed" in states else "Load now" if "unloaded" in states else ""
    if not label:
        return ""
    busy = 'data-busy="Loading…"'
    return f'<div class="sv-buttons">{button("load", "", label, more=busy)}</div>'


def _network(network: Network | None) -> str:
    if network is None:
        return ""
    return (
        f" on {network.device} in {network.dtype} · {_millions(network.parameters)} parameters, {_size(network.bytes)}"
    )


def _millions(count: int) -> str:
    if count < 1e6:
        return f"{count:,}"
    return f"{count / 1e6:.0f} million" if count < 1e9 else f"{count / 1e9:.1f} billion"


def _megabytes(done: int, total: int) -> str:
    return f"{_size(done)} of {_size(total)}" if total else _size(done)


def _size(count: int) -> str:
    if count < 1e6:
        return f"{count / 1e3:.0f} kB"
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
