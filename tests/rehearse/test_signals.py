"""Signal names, as specs, images and users write them."""

import signal

import pytest

from lameduck.pod.place import InputError
from lameduck.rehearse.signals import signal_name, signal_number


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SIGTERM", signal.SIGTERM),
        ("TERM", signal.SIGTERM),
        ("sigquit", signal.SIGQUIT),
        ("15", 15),
        (" SIGWINCH ", signal.SIGWINCH),
        ("SIGRTMIN", signal.SIGRTMIN),
        ("SIGRTMIN+3", signal.SIGRTMIN + 3),
        ("RTMAX-1", signal.SIGRTMAX - 1),
    ],
)
def test_names_and_numbers_are_understood(name: str, number: int) -> None:
    assert signal_number(name) == number


@pytest.mark.parametrize(
    "name", ["", "SIGNOTHING", "0", "-1", "99", "SIGRTMIN-1", "SIGRTMAX+1", "SIGRTMINPLUS1", "SIG"]
)
def test_what_is_no_signal_is_explained(name: str) -> None:
    with pytest.raises(InputError, match="is not a signal of this machine") as raised:
        signal_number(name, at="web.yaml:4:9")
    assert str(raised.value).startswith("web.yaml:4:9: ")


@pytest.mark.parametrize("number", sorted(signal.valid_signals()))
def test_every_signal_s_name_leads_back_to_it(number: int) -> None:
    assert signal_number(signal_name(number)) == number


def test_real_time_signals_are_named_from_the_first() -> None:
    assert signal_name(signal.SIGRTMIN + 3) == "SIGRTMIN+3"
