"""One material made ready to be sent: read as far as the submission needs, checked, and named."""

from __future__ import annotations

import secrets
import socket

from moviola.base.texts import encodable
from moviola.filters.assets import travelled
from moviola.media.growing import ComesLast, GrowingFile
from moviola.media.kinds import verify
from moviola.media.material import Material
from moviola.media.preflight import Preflight, preflight
from moviola.session import sources
from moviola.session.arriving import ArrivingReader
from moviola.session.assets import AssetsFirst
from moviola.session.destination import Place
from moviola.session.faults import contained_of
from moviola.session.job_settings import JobSettings
from moviola.session.order import Order, Submission, check_size, submission_key
from moviola.session.run import UploadRequest


def upload_request(
    material: Material, order: Order, place: Place, settings: JobSettings, *, detach: bool = False
) -> UploadRequest:
    """Return what `moviola.session.run.Run` sends of a material.

    Args:
        order: what is wanted of it, as `OutputRequest.order` made it.
        place: where its results go.
        settings: of which priority, new, strict and verify_cuts count here; the order has the others.
        detach: nobody waits for the results.

    Raises:
        moviola.media.errors.UnreadableSource: the material cannot be taken, or these outputs cannot be made of it, or
            `settings` are strict and not all of it would be kept.
    """
    if settings.verify_cuts:
        with contained_of(material):
            verify(material, order.cutting)
    with travelled({file.value: file.content for file in order.assets}):
        reader = sources.Reader(material, order)
        told = preflight(reader.source, order.outputs)
    if settings.strict:
        told.check_kept(material.path)
    key = submission_key(reader.source, order)
    origin = encodable(f"{socket.gethostname()}:{material.path.resolve()}")
    submission = Submission(key, reader.source, order, settings.priority, settings.new, origin)
    check_size(material, submission)
    return UploadRequest(submission, AssetsFirst(reader, order.assets), place, detach, preflight=told)


def looked_at(material: Material, order: Order) -> Preflight:
    """Return what a material is and what becomes of it, without sending anything. Raises UnreadableSource."""
    with travelled({file.value: file.content for file in order.assets}):
        return preflight(sources.Reader(material, order).source, order.outputs)


def arriving_request(
    material: Material, growing: GrowingFile, order: Order, settings: JobSettings
) -> tuple[UploadRequest, ArrivingReader]:
    """Return what is sent of a material that still comes, and its reader. It waits until the first chunk is settled.

    The job gets a random key, because the key that finds an unfinished job of the same content is only known when the
    whole file is. So it continues no earlier job. Files that filters name are not sent with it.

    Raises:
        moviola.media.growing.ComesLast, moviola.media.growing.BrokenOff: as `ArrivingReader`.
        moviola.media.errors.UnreadableSource: as `upload_request`.
    """
    if settings.strict:
        raise ComesLast(f"which parts of {material.name} are kept is known only when all of it is here")
    reader = ArrivingReader(material, growing, order)
    submission = Submission(secrets.token_hex(16), reader.source, order, settings.priority, new=True)
    check_size(material, submission)
    return UploadRequest(submission, reader, Place(material.path.parent), detach=True), reader
