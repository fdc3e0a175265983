"""One material made ready to be sent: read as far as the submission needs, checked, and named."""

from __future__ import annotations

import socket

from moviola.base.texts import encodable
from moviola.filters.assets import travelled
from moviola.media.kinds import verify
from moviola.media.material import Material
from moviola.session import sources
from moviola.session.assets import AssetsFirst
from moviola.session.destination import Place
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
        settings: of which priority, new and verify_cuts count here; the order has the others.
        detach: nobody waits for the results.

    Raises:
        moviola.media.errors.UnreadableSource: the material cannot be taken, or these outputs cannot be made of it.
    """
    if settings.verify_cuts:
        verify(material, order.cutting)
    with travelled({file.value: file.content for file in order.assets}):
        reader = sources.Reader(material, order)
    submission = Submission(
        submission_key(reader.source, order),
        reader.source,
        order,
        settings.priority,
        settings.new,
        origin=encodable(f"{socket.gethostname()}:{material.path.resolve()}"),
    )
    check_size(material, submission)
    return UploadRequest(submission, AssetsFirst(reader, order.assets), place, detach)
