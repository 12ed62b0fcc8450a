"""`kg docs`, and the guides that it shows."""

import json
import re

import pytest

from kg.cli import reference
from kg.cli.app import app, run
from kg.cli.docs import topics


def test_topics_are_listed_and_one_is_shown(capsys):
    assert run(["docs", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["topics"]
    assert listed[0] == {"topic": "shapes", "title": "Your own shapes"}
    assert {entry["topic"] for entry in listed} == set(topics())
    assert run(["docs", "training"]) == 0
    shown = capsys.readouterr().out
    assert shown.rstrip() == topics()["training"].rstrip()
    assert run(["docs", "training", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == topics()["training"]


def test_an_unknown_topic_is_answered_with_the_closest(capsys):
    assert run(["docs", "trainig"]) == 1
    assert "Did you mean 'training'?" in capsys.readouterr().err


def test_the_command_reference_is_what_the_commands_say():
    assert reference.FILE.read_text(encoding="utf-8") == reference.reference(), (
        "write it again: python -m kg.cli.reference"
    )


def test_on_a_terminal_a_guide_is_rendered_and_no_command_cut_off(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    assert run(["docs", "sweeps"]) == 0
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert "```" not in shown
    assert "--epochs 40" in " ".join(shown.split())


@pytest.mark.parametrize("topic", sorted({*topics()} - {"commands"}))
def test_a_guide_has_a_title_and_names_commands_and_options_that_there_are(topic):
    text = topics()[topic]
    assert text.startswith("# ")
    commands = {command.name for command in app.registered_commands}
    known = reference.reference()
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`(kg [^`]+)`", text):
        for line in block.replace("\\\n", " ").splitlines():
            for name in re.findall(r"(?:^|&& )kg (\w+)", line):
                assert name in commands, line
            if line.startswith("kg "):
                for option in re.findall(r" (--[a-z][a-z-]+)", line):
                    assert f"{option}" in known or option in ("--help", "--debug"), line


def test_no_guide_has_a_sentence_of_sixty_words():
    for topic, text in topics().items():
        if topic == "commands":
            continue
        prose = re.sub(r"```.*?```|^\|.*$|`[^`]*`", "", text, flags=re.DOTALL | re.MULTILINE)
        for sentence in re.split(r"[.!?:;]\s|\n\n", prose):
            assert len(sentence.split()) < 60, f"{topic}: {sentence}"
