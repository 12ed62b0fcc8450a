import numpy as np
import pytest

from kg.data import Shape
from kg.data.landmarks import with_trusted_landmarks

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
SIDES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
FACES = np.concatenate([SIDES[:, [0, 1, 2]], SIDES[:, [0, 2, 3]]])


def shape(faces: np.ndarray | None, *landmarks: list[float]) -> Shape:
    return Shape(CUBE, faces, np.array(landmarks), np.arange(len(landmarks)))


def test_landmarks_in_the_middle_of_a_face_are_on_the_shape() -> None:
    """They are 0.7 from every vertex, of a diagonal of 1.7."""
    cube = shape(FACES, [0.5, 0.5, 0], [0.5, 0.5, 1.1])
    assert with_trusted_landmarks(cube) is cube


@pytest.mark.parametrize("off", [0.4, 137.0])
def test_one_landmark_off_the_shape_takes_all_along(off: float) -> None:
    """The far side of the limit of 0.35 on a mesh and on a cloud; the others cannot be trusted either."""
    for faces in (FACES, None):
        trusted = with_trusted_landmarks(shape(faces, [0, 0, 0], [1, 1, 1 + off]))
        assert trusted.landmarks.shape == (0, 3)
        assert len(trusted.landmark_ids) == 0
        assert trusted.vertices is CUBE
        [note] = trusted.notes
        assert f"one lies {off:.3g} from the shape, whose box has a diagonal of 1.73" in note


def test_a_shape_without_landmarks_stays_as_it_is() -> None:
    plain = Shape(CUBE, FACES)
    assert with_trusted_landmarks(plain) is plain
