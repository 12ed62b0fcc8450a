"""`kg mix`."""

import json

from kg.cli.app import run

TETRAHEDRON = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 {}\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n"


def test_more_poses_of_a_few(tmp_path, capsys):
    for height in (1, 2):
        (tmp_path / f"{height}.obj").write_text(TETRAHEDRON.format(height))
    command = ["mix", str(tmp_path), "-o", str(tmp_path / "out"), "-n", "2"]
    assert run([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == [str(tmp_path / "out" / f"mixed-00{number}.obj") for number in range(2)]
    assert run(command) == 1
    assert "empty or new" in capsys.readouterr().err
    assert run(["prepare", "folder", "--from", str(tmp_path / "out"), "-c", "thing", "-n", "64"]) == 0
