"""HTML of the library pane: the documents with what can be done to each, and how far files are that are being added."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from svrag.app.jobs import FileJob, Job
from svrag.app.markup import button, counted, empty, escaped
from svrag.app.uploads import Notice
from svrag.library.catalogue import LONGEST_NAME
from svrag.library.store import StoredDocument

NO_DOCUMENTS = "No documents yet. Add a PDF or an image to begin."
_WARNINGS = 5
_ROWS = 100  # of thousands a browser would draw for half a minute, and nobody would read them


@dataclass(frozen=True, slots=True)
class Listed:
    """A document as the pane shows it: `ocr_pages` of its pages were read by optical character recognition."""

    document: StoredDocument
    tags: tuple[str, ...] = ()
    ocr_pages: int = 0


def documents_html(listed: Sequence[Listed], chosen: Collection[str] = (), words: str = "") -> str:
    """The list of documents; those in `chosen` (ids) are the ones that are asked.

    Args:
        words: only documents with all of them in name, title or tags. Of many the first are shown, chosen ones before
            others, and how many there are.
    """
    if not listed:
        return empty(NO_DOCUMENTS)
    wanted = words.casefold().split()
    fitting = [one for one in listed if all(word in _words(one) for word in wanted)]
    if not fitting:
        return '<ul class="sv-documents" hidden></ul><p class="sv-subdued" role="status">Nothing fits.</p>'
    shown = {one.document.id for one in sorted(fitting, key=lambda one: one.document.id not in chosen)[:_ROWS]}
    rows = "".join(_document(one, one.document.id in chosen) for one in fitting if one.document.id in shown)
    more = len(fitting) - len(shown)
    rest = f"{more:,} more: type part of a name, title or tag above." if more else ""
    return f'<ul class="sv-documents">{rows}</ul><p class="sv-subdued" role="status">{rest}</p>'


def _words(one: Listed) -> str:
    return " ".join((one.document.name, one.document.title, *one.tags)).casefold()


def _document(one: Listed, chosen: bool) -> str:
    document = one.document
    name = escaped(document.name)
    title = (
        f'<span class="sv-subdued sv-line">{escaped(document.title)}</span>'
        if document.title and document.title != document.name
        else ""
    )
    facts = [counted(document.pages, "page"), counted(document.elements, "element")]
    facts += [f"{one.ocr_pages} by OCR"] if one.ocr_pages else []
    warnings = (
        f'<span class="sv-warned" title="{escaped(chr(10).join(document.warnings[:_WARNINGS]))}">'
        f"{counted(len(document.warnings), 'warning')}</span>"
        if document.warnings
        else ""
    )
    tags = "".join(f'<span class="sv-tag">{escaped(tag)}</span>' for tag in one.tags)
    own_tags = f'<span class="sv-own-tags">{tags}</span>' if tags else ""
    return (
        f'<li><input type="checkbox" data-choose="{escaped(document.id)}" '
        f'aria-label="Ask only chosen documents: {name}" title="Ask only chosen documents"{" checked" if chosen else ""}>'
        f'<div class="sv-document">{button("view", document.id, name, name=f"Open {document.name}", kind="sv-name")}'
        f'{title}<span class="sv-subdued sv-facts">{escaped(" · ".join(facts))}{warnings}</span>'
        f"{own_tags}{_menu(one)}</div></li>"
    )


def _menu(one: Listed) -> str:
    document = one.document
    name = escaped(document.name)
    warnings = "".join(f"<li>{escaped(warning)}</li>" for warning in document.warnings[:_WARNINGS])
    again = button(
        "reread", document.id, "Read again", name=f"Read {document.name} again", more='data-busy="Reading…"'
    )
    warned = f'<ul class="sv-warnings">{warnings}</ul>' if warnings else ""
    return (
        f'<details class="sv-menu"><summary aria-label="Edit {name}" title="Rename, tag, read again, remove">⋯</summary>'
        f'<div data-fields><label>Name<input name="name" value="{name}" maxlength="{LONGEST_NAME}"></label>'
        f'<label>Tags<input name="tags" value="{escaped(", ".join(one.tags))}" placeholder="to read, 2024"></label>'
        f"{warned}"
        f'<div class="sv-buttons">{button("save", document.id, "Save", kind="sv-primary")}'
        f"{again}"
        f'<button type="button" class="sv-remove" data-action="remove" data-value="{escaped(document.id)}" '
        f'data-confirm="Remove {name} from the library?" aria-label="Remove {name}" title="Remove">Remove</button>'
        "</div></div></details>"
    )


def scope_html(chosen: int, documents: int) -> str:
    """Which documents the next question goes to."""
    if not chosen or chosen >= documents:
        whole = f"all {documents:,} documents" if documents > 1 else "the one document"
        return f'<p class="sv-scope">Asks <b>{whole}</b></p>' if documents else ""
    back = button("all", "", "ask all", kind="sv-link")
    return f'<p class="sv-scope">Asks <b>{chosen} of {counted(documents, "document")}</b> {back}</p>'


def notices_html(notices: Sequence[Notice]) -> str:
    """One line for each; nothing for none."""
    lines = [
        f'<li class="{"sv-failed" if notice.failed else ""}">'
        f"{f'<b>{escaped(notice.name)}</b> ' if notice.name else ''}{escaped(notice.text)}</li>"
        for notice in notices
    ]
    return f'<ul class="sv-notices" role="status">{"".join(lines)}</ul>' if lines else ""


def jobs_html(jobs: Sequence[Job]) -> str:
    """How far each file is; a job that runs can be cancelled."""
    return "".join(
        f'<ul class="sv-notices" role="status">{"".join(map(_file, job.files))}</ul>'
        + ("" if job.done else button("cancel", job.id, "Cancel", kind="sv-link"))
        for job in jobs
    )


def _file(file: FileJob) -> str:
    share = file.page / file.pages if file.pages else 0.0
    said = {
        "waiting": "waits",
        "reading": f"page {file.page} of {file.pages}" if file.pages else "opening",
        "added": f"added: {counted(file.pages, 'page')}",
        "updated": f"updated: {counted(file.pages, 'page')}",
        "unchanged": "is in the library already",
        "failed": file.detail,
        "cancelled": "was cancelled",
    }[file.status]
    bar = (
        f'<progress max="100" value="{100 * share:.0f}" aria-label="{escaped(file.name)}"></progress>'
        if file.status in ("waiting", "reading")
        else ""
    )
    kind = "sv-failed" if file.status == "failed" else ""
    return f'<li class="{kind}"><b>{escaped(file.name)}</b> {escaped(said)}{bar}</li>'
