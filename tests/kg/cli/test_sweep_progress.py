"""Where the trainings of a sweep are, where nobody watches."""

from types import SimpleNamespace

from kg.cli import sweep_progress


def test_each_training_says_every_half_minute_where_it_is(tmp_path, monkeypatch, capsys):
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}\n')
    job = SimpleNamespace(
        folder=tmp_path,
        store=SimpleNamespace(name="garments/shirt/laid"),
        method=SimpleNamespace(label="kg"),
        seed=1,
        config=SimpleNamespace(train=SimpleNamespace(epochs=9)),
    )
    now = iter([0.0, 10.0, 31.0, 31.0, 40.0, 62.0, 62.0])
    monkeypatch.setattr(sweep_progress, "time", SimpleNamespace(monotonic=lambda: next(now)))
    watch = sweep_progress.Watch([job], 3, 1)
    for measuring in (False, False, True, True):
        watch.look([SimpleNamespace(job=job, measuring=measuring)])
    assert capsys.readouterr().err.splitlines() == [
        "garments/shirt/laid, kg, seed 1: epoch 2 of 9",
        "garments/shirt/laid, kg, seed 1: measuring",
    ]
