"""Documents and what is in them: list, add, remove; pages, elements, their pictures, the graph; jobs."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, Query, Response, UploadFile

from svrag.app.api.schemas import (
    DocumentChange,
    DocumentId,
    DocumentOut,
    ElementId,
    ElementOut,
    GraphOut,
    JobId,
    JobOut,
    PageOut,
)
from svrag.app.api.service import ERRORS, GONE, MISSING, Asking, Served, stored
from svrag.app.pictures import drawn_from
from svrag.documents.files import SUFFIXES
from svrag.documents.model import Box, Element, ElementType
from svrag.errors import InputError
from svrag.library.catalogue import rename, set_tags, tags
from svrag.library.store import Library, StoredDocument

router = APIRouter(prefix="/api", responses=ERRORS)
_MOST_FILES = 1000
_PIECE = 1 << 20
_LONGEST_NAME = 200  # bytes; file systems take 255
_PNG: dict[int | str, dict[str, object]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}, "description": "PNG"}
}
_PageNumber = Annotated[int, "counted from 1"]
_Dpi = Annotated[int, Query(ge=20, le=300, description="pixels per inch; fewer where the picture would be too large")]


@router.get("/documents", tags=["documents"])
async def list_documents(service: Served, user: Asking) -> list[DocumentOut]:
    """All documents, by name."""
    return await service.quick.run(user.folder, lambda library: _shown(library, library.documents()))


@router.post("/documents", status_code=202, tags=["documents"], responses={413: ERRORS[400]})
async def add_documents(
    service: Served,
    user: Asking,
    files: Annotated[list[UploadFile], File(min_length=1, description="PDF, PNG, JPEG or TIFF")],
    password: Annotated[str, Form(max_length=1000, description="of encrypted files")] = "",
) -> JobOut:
    """Add files in the background. The job says how far it is; ask for it until `done`."""
    if len(files) > _MOST_FILES:
        raise HTTPException(413, f"at most {_MOST_FILES} files at once")
    folder = Path(tempfile.mkdtemp(prefix="svrag-upload-"))
    paths = []
    for number, upload in enumerate(files):
        path = folder / str(number) / _plain_name(upload.filename or "")
        path.parent.mkdir()
        with path.open("wb") as file:
            while piece := await upload.read(_PIECE):
                await asyncio.to_thread(file.write, piece)
        paths.append(path)
    return JobOut.model_validate(service.jobs.add(user.folder, paths, password=password, remove=folder))


@router.get("/documents/{document_id}", tags=["documents"], responses=MISSING)
async def get_document(service: Served, user: Asking, document_id: DocumentId) -> DocumentOut:
    """One document."""
    return await service.quick.run(user.folder, lambda library: _shown(library, [stored(library, document_id)])[0])


@router.patch("/documents/{document_id}", tags=["documents"], responses=MISSING)
async def change_document(
    service: Served, user: Asking, document_id: DocumentId, change: DocumentChange
) -> DocumentOut:
    """Give a document another name, or other tags; what is left out stays."""

    def work(library: Library) -> DocumentOut:
        stored(library, document_id)
        if change.name is not None:
            rename(library, document_id, change.name)
        if change.tags is not None:
            set_tags(library, document_id, change.tags)
        return _shown(library, [stored(library, document_id)])[0]

    return await service.quick.run(user.folder, work)


@router.delete("/documents/{document_id}", status_code=204, tags=["documents"], responses=MISSING)
async def delete_document(service: Served, user: Asking, document_id: DocumentId) -> Response:
    """Take a document out of the library, with all that was made of it."""

    def remove(library: Library) -> None:
        library.remove(stored(library, document_id).id)

    await service.quick.run(user.folder, remove)
    return Response(status_code=204)


@router.get("/documents/{document_id}/elements", tags=["documents"], responses=MISSING)
async def list_elements(
    service: Served,
    user: Asking,
    document_id: DocumentId,
    type: Annotated[list[ElementType] | None, Query(description="only these; repeatable")] = None,
) -> list[ElementOut]:
    """The elements of a document in reading order; the pages come last."""

    def elements(library: Library) -> list[Element]:
        return library.elements_of(stored(library, document_id).id, type)

    return [ElementOut.model_validate(element) for element in await service.quick.run(user.folder, elements)]


@router.get("/documents/{document_id}/graph", tags=["documents"], responses=MISSING)
async def get_graph(service: Served, user: Asking, document_id: DocumentId) -> GraphOut:
    """The element graph: what captions, mentions, contains and follows what."""
    found = await service.quick.run(user.folder, lambda library: library.graph(stored(library, document_id).id))
    return GraphOut.model_validate(found)


@router.get("/documents/{document_id}/pages/{number}", tags=["pages"], responses=MISSING)
async def get_page(service: Served, user: Asking, document_id: DocumentId, number: _PageNumber) -> PageOut:
    """A page with its words and the elements that are on it."""

    def page(library: Library) -> PageOut:
        _check_page(library, document_id, number)
        found = PageOut.model_validate(library.page(document_id, number))
        found.elements = [
            ElementOut.model_validate(element)
            for element in library.elements_of(document_id)
            if element.type != "page"
            and (element.page == number or any(region.page == number for region in element.continues))
        ]
        return found

    return await service.quick.run(user.folder, page)


@router.get(
    "/documents/{document_id}/pages/{number}/image",
    tags=["pages"],
    responses={**MISSING, **GONE, **_PNG},
    response_class=Response,
)
async def get_page_image(
    service: Served,
    user: Asking,
    document_id: DocumentId,
    number: _PageNumber,
    dpi: _Dpi = 110,
    element: Annotated[list[ElementId] | None, Query(max_length=200, description="boxed in red; repeatable")] = None,
) -> Response:
    """The page as a viewer turns it, with boxes around elements."""

    def picture(library: Library) -> bytes:
        from svrag.documents.rendering import render_page

        document = _check_page(library, document_id, number)
        boxes = [box for one in element or () for box in _boxes(library, document, number, one)]
        with drawn_from(document) as source:
            return render_page(source, number, dpi=dpi, boxes=boxes)

    return _png(await service.quick.run(user.folder, picture))


@router.get("/elements/{element_id}", tags=["elements"], responses=MISSING)
async def get_element(service: Served, user: Asking, element_id: ElementId) -> ElementOut:
    """One element."""
    return ElementOut.model_validate(
        await service.quick.run(user.folder, lambda library: _element(library, element_id))
    )


@router.get(
    "/elements/{element_id}/image", tags=["elements"], responses={**MISSING, **GONE, **_PNG}, response_class=Response
)
async def get_element_image(service: Served, user: Asking, element_id: ElementId, dpi: _Dpi = 150) -> Response:
    """The element cut out of its page."""

    def picture(library: Library) -> bytes:
        from svrag.documents.rendering import crop

        element = _element(library, element_id)
        with drawn_from(stored(library, element.document_id)) as source:
            return crop(source, element.page, element.box, dpi=dpi)

    return _png(await service.quick.run(user.folder, picture))


@router.get("/jobs", tags=["jobs"])
async def list_jobs(service: Served, user: Asking) -> list[JobOut]:
    """Additions, the newest first: all that run, and the last fifty that are over."""
    return [JobOut.model_validate(job) for job in service.jobs.list(user.folder)]


@router.get("/jobs/{job_id}", tags=["jobs"], responses=MISSING)
async def get_job(service: Served, user: Asking, job_id: JobId) -> JobOut:
    """How far an addition is."""
    try:
        return JobOut.model_validate(service.jobs.get(user.folder, job_id))
    except InputError:
        raise HTTPException(404, f"no job {job_id}: GET /api/jobs lists what there is") from None


@router.delete("/jobs/{job_id}", tags=["jobs"], responses=MISSING)
async def cancel_job(service: Served, user: Asking, job_id: JobId) -> JobOut:
    """Add nothing more of it; what is added stays."""
    try:
        return JobOut.model_validate(service.jobs.cancel(user.folder, job_id))
    except InputError:
        raise HTTPException(404, f"no job {job_id}: GET /api/jobs lists what there is") from None


def _shown(library: Library, documents: Sequence[StoredDocument]) -> list[DocumentOut]:
    tagged = tags(library)
    return [
        DocumentOut.model_validate(document).model_copy(update={"tags": tagged.get(document.id, ())})
        for document in documents
    ]


def _plain_name(name: str) -> str:
    """The last part of a file's name, whatever system it comes from: it names a file in a folder of its own."""
    last = name.replace("\\", "/").rpartition("/")[2].replace("\0", "").strip()
    short = last.encode("utf-8", "ignore")[-_LONGEST_NAME:].decode("utf-8", "ignore")
    if short.lower() in SUFFIXES:  # ".pdf" is a kind, and no name
        return "unnamed" + short
    return short if short not in ("", ".", "..") else "unnamed"


def _element(library: Library, element_id: str) -> Element:
    found = library.elements([element_id])
    if not found:
        raise HTTPException(404, f"no element {element_id}")
    return found[0]


def _boxes(library: Library, document: StoredDocument, number: int, element_id: str) -> list[Box]:
    """Where an element is on a page of a document."""
    found = [one for one in library.elements([element_id]) if one.document_id == document.id]
    boxes = [one.box for one in found if one.page == number]
    boxes += [region.box for one in found for region in one.continues if region.page == number]
    if not boxes:
        line = f"{document.name} has no element {element_id} on page {number}"
        raise HTTPException(404, f"{line}: GET /api/documents/{document.id}/pages/{number} lists what is on it")
    return boxes


def _check_page(library: Library, document_id: str, number: int) -> StoredDocument:
    """The document, if it has such a page."""
    document = stored(library, document_id)
    if not 1 <= number <= document.pages:
        raise HTTPException(404, f"{document.name} has no page {number}: it has {document.pages}")
    return document


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})
