"""Reading sysctl files as sysctl(8) does: what is a comment, what belongs to the value, and where it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lameduck.pod.place import Place
from lameduck.pod.source import Source
from lameduck.pod.sysctls.files import is_sysctl_file, read_sysctls
from lameduck.pod.sysctls.sysctl import Setting


def _read(text: str) -> tuple[Setting, ...]:
    return read_sysctls(Source("s.conf", text)).settings.settings


def test_blanks_around_key_and_value_do_not_count_and_each_knows_its_place() -> None:
    (setting,) = _read("# first\n  net.core.somaxconn =\t 4096  \n")
    assert (setting.key, setting.value, setting.numbers) == ("net.core.somaxconn", "4096", (4096,))
    assert setting.span is not None
    assert setting.key_span is not None
    assert (setting.span.place, setting.span.text) == (Place("s.conf", 2, 25), "4096")
    assert setting.key_span.place == Place("s.conf", 2, 3)


def test_quotes_belong_to_the_value() -> None:
    (setting,) = _read('net.ipv4.ip_local_port_range="1024 65535"')
    assert setting.value == '"1024 65535"'
    assert setting.numbers is None


def test_a_no_break_space_is_no_blank() -> None:
    (setting,) = _read("net.ipv4.tcp_wmem = 4096 \u00a0 16384\n")
    assert setting.words == ("4096", "\u00a0", "16384")
    assert setting.numbers is None


def test_a_comment_behind_a_value_is_part_of_it_and_known_for_what_it_says() -> None:
    (setting,) = _read("net.ipv4.tcp_fin_timeout=30 # shorter")
    assert (setting.value, setting.bare, setting.said) == ("30 # shorter", "30", "shorter")
    assert setting.has_comment


def test_a_comment_speaks_for_the_line_below_it_and_for_no_other() -> None:
    first, second, third = _read(
        "; about both\nnet.core.somaxconn=1\nnet.core.optmem_max=2\n# far\n\nvm.swappiness=3\n"
    )
    assert (first.said, second.said, third.said) == ("about both", "", "")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_in_any_editor(end: str) -> None:
    one, two = _read(f"# c{end}vm.swappiness=1{end}vm.overcommit_memory=2")
    assert (one.said, one.value, two.said, two.value) == ("c", "1", "", "2")


def test_a_leading_dash_means_that_it_may_fail() -> None:
    (setting,) = _read("-net.ipv4.tcp_nope = 1")
    assert (setting.key, setting.may_fail) == ("net.ipv4.tcp_nope", True)


def test_slashes_separate_as_dots_do_and_dots_then_belong_to_the_name() -> None:
    one, two = _read("net/ipv4/tcp_tw_reuse=1\nnet/ipv4/conf/eth0.7/rp_filter=1")
    assert (one.key, two.key) == ("net.ipv4.tcp_tw_reuse", "net.ipv4.conf.eth0/7.rp_filter")


def test_a_line_without_an_equals_sign_is_a_problem_and_the_rest_is_read() -> None:
    file = read_sysctls(Source("s.conf", "net.core.somaxconn 4096\nvm.swappiness=1\n-net.ipv4.conf.eth0.*\n"))
    assert [str(each) for each in file.problems] == [
        "s.conf:1:1: net.core.somaxconn 4096 is no setting: write it as key = value, or remove it."
    ]
    assert [each.key for each in file.settings] == ["vm.swappiness"]


def test_numbers_are_read_as_the_kernel_reads_them() -> None:
    hexadecimal, octal, negative, words, huge = _read("a.b=0x10\na.b=010\na.b=-1\na.b=1,2\na.b=" + "9" * 30)
    assert (hexadecimal.numbers, octal.numbers, negative.numbers) == ((16,), (8,), (-1,))
    assert words.numbers is None
    assert huge.numbers is None


def test_a_sysctl_file_is_known_by_its_lines() -> None:
    assert is_sysctl_file("# tuning\nnet.core.somaxconn = 1\n-vm/swappiness=1\nvm.swappiness 2\n")
    assert not is_sysctl_file("net.core = 1;\nserver { listen 80; }\n")
    assert not is_sysctl_file("kind: Pod\nspec: {a: b=c}\n")
    assert not is_sysctl_file("# nothing\n")
    assert not is_sysctl_file("net.core.somaxconn: 4096\n")


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_and_each_value_stands_where_it_says(text: str) -> None:
    for setting in read_sysctls(Source("s.conf", text)).settings:
        assert setting.span is not None
        assert setting.span.text == setting.value
        assert setting.numbers is None or all(isinstance(number, int) for number in setting.numbers)
