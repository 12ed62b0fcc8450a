"""What a student has of its teacher."""

from dataclasses import replace

from kg.config import Config, ModelConfig, TrainConfig
from kg.config.teaching import taught_by


def test_a_student_has_as_many_keypoints_and_points_as_its_teacher():
    teacher = Config(preset="quick", model=ModelConfig(keypoints=5), train=TrainConfig(points=300, epochs=9))
    said = taught_by(teacher)
    assert said.preset == "quick"
    assert said.split_by == "object"
    assert said.options == {"detector": "student", "keypoints": "5", "points": "300"}


def test_follow_teaches_its_own_kind_in_any_pose():
    model = ModelConfig(detector="follow", detector_options={"mirror": "none"}, keypoints=6)
    said = taught_by(
        Config(model=model, train=TrainConfig(turn="yaw", turn_limit=15.0, init="old.safetensors"))
    )
    assert said.options["detector"] == "follow"
    assert said.options["detector.symmetry"] == "turned"
    assert said.options["detector.mirror"] == "none"
    assert (said.options["turn"], said.options["turn_limit"]) == ("all", "180")
    assert said.options["keypoints"] == "6"
    assert said.options["init"] == ""
    assert replace(Config(), preset=said.preset).preset == "kg"
