from __future__ import annotations

from dataclasses import replace

import pytest

from moviola.filters.chain import ChainError, parse_chain
from moviola.filters.registry import schemas
from moviola.filters.schema import FilterSchema, ParameterError
from moviola.media.errors import UnreadableSource
from moviola.media.kinds import KINDS
from moviola.media.material import NO_VIDEO, Cutting, Encoder, Material, Source
from moviola.session.chains import MAX_OUTPUT_NAME
from moviola.session.order import (
    OutputRequest,
    Submission,
    check_size,
    output_names,
    submission_key,
    unique,
)
from moviola.session.target import hello
from moviola.wire.limits import MAX_DESCRIPTION
from tests.session.material import make_order, make_source

KNOWN = schemas() | {"post_2000": FilterSchema("post_2000", "Films after 2000.", material="record")}
CLIP, PHOTOS, TABLE = (Material.single(kind, kind) for kind in ("video", "images", "table"))


def test_an_order_has_an_output_for_each_chain_with_all_parameters() -> None:
    order = OutputRequest(["blur", "blur:radius=3,edges"], KNOWN, Encoder("ffv1"), Cutting(16)).order(CLIP)
    assert [output.name for output in order.outputs] == ["blur", "blur-edges"]
    assert order.outputs[0].chain[0].parameters == {"radius": 7}
    assert order.outputs[1].chain[0].parameters == {"radius": 3}
    assert order.outputs[1].encoder == Encoder("ffv1")
    assert order.cutting.chunk_frames == 16


def test_a_chain_that_hides_something_shows_nothing_where_a_filter_fails() -> None:
    """Whoever asks for something else gets it; chains that hide nothing pass the frame on."""
    record = FilterSchema("secret", "hides a row", material="record", hides=True)
    known = KNOWN | {"secret": record}

    def policies(chains: list[str], material: Material, on_error: str = "") -> list[str]:
        return [each.on_error for each in OutputRequest(chains, known, on_error=on_error).order(material).outputs]

    assert policies(["blur", "pixelate", "blur,pixelate:faces=true"], CLIP) == ["original", "black", "black"]
    assert policies(["pixelate"], PHOTOS) == ["black"]
    assert policies(["secret"], TABLE) == ["drop"]
    assert policies(["pixelate"], CLIP, "original") == ["original"]
    assert OutputRequest(["blur", "pixelate"], known).order(CLIP).on_error == "black"
    with pytest.raises(UnreadableSource, match=r"nothing of it can be black.*another --on-error"):
        policies(["secret"], TABLE, "black")


def test_the_most_demanding_output_sets_the_context() -> None:
    assert OutputRequest(["blur"], KNOWN).order(CLIP).cutting.context_frames == 0
    assert OutputRequest(["blur", "motion"], KNOWN).order(CLIP).cutting.context_frames == 1


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ("blurr", 'there is no filter "blurr"; did you mean "blur"'),
        ("blur:radius=0", "radius is 0; it must be at least 1 px"),
        ("blur:radius=many", 'radius takes a whole number, not "many"'),
        ("blur:size=3", 'blur has no parameter "size"'),
        ("blur:", "expected a parameter name"),
        ("", "expected a filter name"),
    ],
)
def test_a_wrong_chain_is_one_sentence(chain: str, words: str) -> None:
    with pytest.raises((ChainError, ParameterError)) as caught:
        OutputRequest([chain], KNOWN)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_outputs_are_called_after_their_filters_and_never_alike() -> None:
    chains = [("", parse_chain(text)) for text in ("blur", "blur:radius=3", "blur,edges", "BLUR")]
    assert output_names(chains) == ["blur", "blur-2", "blur-edges", "BLUR-3"]
    assert len(output_names([("", parse_chain(",".join(["identity"] * 30)))])[0]) == MAX_OUTPUT_NAME


@pytest.mark.parametrize("text", ["=blur", "two words=blur", "../up=blur", "a.b=blur", "-x=blur", f"{'x' * 61}=blur"])
def test_what_cannot_name_a_file_is_refused(text: str) -> None:
    with pytest.raises(ChainError, match="cannot name an output: letters, digits"):
        OutputRequest([text], KNOWN)


def test_names_are_kept_and_others_keep_clear_of_them() -> None:
    order = OutputRequest(["blur=edges", "blur", "soft=blur", "blur:radius=3"], KNOWN).order(CLIP)
    assert [output.name for output in order.outputs] == ["blur", "blur-2", "soft", "blur-3"]


def test_two_outputs_of_one_name_are_refused() -> None:
    with pytest.raises(ChainError, match='two outputs are called "SOFT"'):
        OutputRequest(["soft=blur", "SOFT=edges"], KNOWN)


def test_measuring_alone_needs_no_video() -> None:
    order = OutputRequest(["metadata", "blur,metadata", "fps:rate=5,metadata"], KNOWN).order(CLIP)
    assert [output.encoder.codec for output in order.outputs] == [NO_VIDEO, "h264", "h264"]
    assert order.cutting.passthrough


def test_without_any_video_nothing_is_passed_through() -> None:
    order = OutputRequest(["faces", "motion"], KNOWN, Encoder(NO_VIDEO)).order(CLIP)
    assert {output.encoder.codec for output in order.outputs} == {NO_VIDEO}
    assert not order.cutting.passthrough
    assert not OutputRequest(["metadata"], KNOWN).order(CLIP).cutting.passthrough


def test_of_images_too_nothing_is_encoded_where_that_was_asked_for_or_nothing_changes() -> None:
    for chain, encoder in (("metadata", Encoder()), ("blur", Encoder(NO_VIDEO))):
        (output,) = OutputRequest([chain], KNOWN, encoder).order(PHOTOS).outputs
        assert output.encoder.codec == NO_VIDEO


def test_a_number_behind_does_not_meet_a_name_that_has_it() -> None:
    assert unique(["a", "a-2", "a", "a"]) == ["a", "a-2", "a-3", "a-4"]
    assert unique(["a", "b"], ["A", "a-2"]) == ["a-3", "b"]


def test_the_key_depends_on_bytes_and_wishes_alone() -> None:
    source, order = make_source(), make_order("blur")
    key = submission_key(source, order)
    assert submission_key(replace(source, name="other.mp4"), order) == key
    assert submission_key(replace(source, fingerprint="0" * 32), order) != key
    assert submission_key(source, replace(order, cutting=Cutting(7))) != key
    assert submission_key(source, make_order("edges")) != key
    assert submission_key(source, make_order("blur", "edges")) != key


def test_equal_chains_written_differently_have_one_key() -> None:
    short, long = (OutputRequest([text], KNOWN).order(CLIP) for text in ("blur", 'blur:radius="7"'))
    assert submission_key(make_source(), short) == submission_key(make_source(), long)


def test_every_submission_has_a_session_of_its_own() -> None:
    first, second = hello("ann"), hello("ann")
    assert first.name == second.name
    assert "@" in first.name
    assert first.session != second.session


def test_each_kind_of_material_gets_the_chains_that_are_for_it() -> None:
    wishes = OutputRequest(["blur", "motion", "post_2000", "fps:rate=5,edges"], KNOWN)
    names = [[output.name for output in wishes.order(one).outputs] for one in (CLIP, PHOTOS, TABLE)]
    assert names == [["blur", "motion", "fps-edges"], ["blur"], ["post_2000"]]
    assert wishes.order(PHOTOS).cutting.context_frames == 0
    assert list(wishes.idle({"video", "table"})) == []
    assert list(wishes.idle({"video"})) == ["the filter post_2000 is for the records of tables, and this is a video"]


@pytest.mark.parametrize(
    ("chain", "material", "words"),
    [
        ("blur", TABLE, "blur is for pictures, and these are tables; ask for others, such as --filters post_2000"),
        ("motion", PHOTOS, "compares frames that follow each other, and these are images"),
        ("fps", PHOTOS, "fps is for the frames of videos, and these are images"),
    ],
)
def test_material_without_a_chain_is_one_sentence(chain: str, material: Material, words: str) -> None:
    with pytest.raises(UnreadableSource) as caught:
        OutputRequest([chain], KNOWN).order(material)
    assert words in str(caught.value)


def test_where_nothing_is_asked_for_each_kind_has_its_defaults() -> None:
    assert [output.name for output in OutputRequest([], KNOWN).order(CLIP).outputs] == list(
        KINDS["video"].default_chains
    )


def test_a_filter_that_does_well_on_one_picture_takes_images_though_it_would_look_back() -> None:
    order = OutputRequest(["pixelate:faces=true"], KNOWN).order(PHOTOS)
    assert [output.name for output in order.outputs] == ["pixelate"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (replace(make_source(), facts={"comment": "x" * MAX_DESCRIPTION}), ("bytes", "fewer outputs")),
        (replace(make_source(), name="v" * 256), ("255", "shorter")),
    ],
)
def test_what_a_middleware_would_refuse_for_its_size_is_said_before_it_is_sent(
    source: Source, words: tuple[str, ...]
) -> None:
    with pytest.raises(UnreadableSource) as caught:
        check_size(CLIP, Submission("k", source, make_order("blur")))
    assert all(word in str(caught.value) for word in words)
    check_size(CLIP, Submission("k", replace(make_source(), name="v" * 255), make_order("blur")))
