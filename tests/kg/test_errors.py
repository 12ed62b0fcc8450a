import pytest

from kg.errors import KgError, unknown_name


def test_message_and_hint() -> None:
    error = KgError("It broke.", "Mend it.")
    assert (str(error), error.message, error.hint) == ("It broke.", "It broke.", "Mend it.")
    assert KgError("It broke.").hint == ""


def test_what_a_terminal_would_obey_is_written_out() -> None:
    """Names of files and values in them are a stranger's; so are the messages of libraries."""
    error = KgError("\x1b[2J caf\u00e9 \u202e\ud800\n  at line 1\r\n", "One.\nTwo\x07.")
    assert error.message == "\\x1b[2J café \\u202e\\ud800   at line 1"
    assert error.hint == "One.\nTwo\\x07."


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("shrit", ["pants", "shirt"], "Did you mean 'shirt'? Known: pants, shirt."),
        ("zebra", ["shirt", "pants"], "Known: pants, shirt."),
        ("shirt", [], "Known: none."),
    ],
)
def test_an_unknown_name_is_answered_with_the_likeliest(name: str, known: list[str], hint: str) -> None:
    error = unknown_name("category", name, known)
    assert error.message == f"There is no category '{name}'."
    assert error.hint == hint
