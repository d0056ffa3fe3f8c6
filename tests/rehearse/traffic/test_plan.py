import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.ending.requests import ClientKind
from lameduck.pod.durations import Seconds
from lameduck.pod.place import InputError
from lameduck.rehearse.traffic import DEFAULT_MIX, Share, TrafficPlan, parse_mix


def test_a_mix_names_kind_weight_and_path() -> None:
    assert parse_mix("new=5, slow=0.5@/slow?for=2") == (
        Share(ClientKind.NEW, 5, "/"),
        Share(ClientKind.SLOW, 0.5, "/slow?for=2"),
    )


def test_a_share_can_name_its_method_and_its_duration() -> None:
    assert parse_mix("keepalive:POST=1@/a,upload:PUT:500ms=1,sse:0s=1@/events") == (
        Share(ClientKind.KEEPALIVE, 1, "/a", "POST"),
        Share(ClientKind.UPLOAD, 1, "/", "PUT", Seconds(0.5)),
        Share(ClientKind.SSE, 1, "/events", "GET", Seconds(0)),
    )


def test_uploads_and_streams_have_a_duration_of_their_own() -> None:
    upload, sse, websocket = parse_mix("upload=1,sse=1,websocket=1")
    assert (upload.method, upload.duration_s) == ("POST", Seconds(2))
    assert sse.duration_s == websocket.duration_s == Seconds(10)


def test_the_default_mix_can_be_read() -> None:
    assert {share.kind for share in parse_mix(DEFAULT_MIX)} == {ClientKind.NEW, ClientKind.KEEPALIVE}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "The mix is empty."),
        (" , ", "The mix is empty."),
        ("new", "'new' is not a share of a mix."),
        ("nwe=1", "There is no client 'nwe'."),
        ("new=many", "'many' in 'new=many' is not a weight."),
        ("new=0", "'0' in 'new=0' is not a weight."),
        ("new=-1", "'-1' in 'new=-1' is not a weight."),
        ("new=nan", "'nan' in 'new=nan' is not a weight."),
        ("new=inf", "'inf' in 'new=inf' is not a weight."),
        ("new=1@path", "'path' is not a path."),
        ("new=1@/a b", "'/a b' is not a path."),
        ("new=1@/a\r\nHost: x", "is not a share of a mix."),
        ("slow:2s=1", "'2s': how long a slow request takes is up to the server."),
        ("upload:soon=1", "'soon' is not a duration."),
        ("upload:GET=1", "An upload cannot be a GET."),
        ("websocket:POST=1", "A WebSocket cannot begin with POST."),
        ("new:CONNECT=1", "CONNECT asks for a tunnel"),
    ],
)
def test_what_is_no_mix_is_told_with_its_option(text: str, complaint: str) -> None:
    with pytest.raises(InputError) as told:
        parse_mix(text, option="--mix")
    assert complaint in told.value.what
    assert told.value.at == "--mix"
    assert told.value.do


@given(st.text())
def test_no_text_but_a_mix_gets_through_and_none_crashes(text: str) -> None:
    try:
        shares = parse_mix(text)
    except InputError:
        return
    assert shares


@pytest.mark.parametrize(
    "figures",
    [{"rate": 0}, {"rate": float("nan")}, {"rtt_s": -1}, {"request_timeout_s": 0}, {"pool_size": 0}, {"mix": ()}],
)
def test_figures_that_make_no_traffic_are_bad_input(figures: dict[str, object]) -> None:
    with pytest.raises(InputError):
        TrafficPlan(**{"rate": 1, "mix": parse_mix("new=1"), **figures})  # type: ignore[arg-type]
