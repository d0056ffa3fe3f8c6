"""Errors of input keep their parts, also on the way from another process."""

import pickle

from lameduck.pod.place import InputError, Place


def test_an_error_comes_home_from_another_process_with_all_of_its_parts() -> None:
    error = InputError("This is not YAML.", at=Place("web.yaml", 3, 7), do="Mend this line.")
    home = pickle.loads(pickle.dumps(error))
    assert isinstance(home, InputError)
    assert (home.what, home.at, home.do) == (error.what, error.at, error.do)
    assert str(home) == "web.yaml:3:7: This is not YAML. Mend this line."
