import pytest

from kg.errors import KgError, unknown_name


def test_message_and_hint() -> None:
    error = KgError("It broke.", "Mend it.")
    assert (str(error), error.message, error.hint) == ("It broke.", "It broke.", "Mend it.")
    assert KgError("It broke.").hint == ""


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
