"""What a student has of its teacher's options."""

from kg import plugins
from kg.config.file import FileOptions, flatten
from kg.config.options import Config


def taught_by(teacher: Config) -> FileOptions:
    """Return what a student's training has of its teacher's, before what a user says.

    A detector that is its own kind's student keeps all its options but those that it names; any other has
    a student with as many keypoints and points.

    Raises:
        KgError: There is no detector of the teacher's name any more.
    """
    own = plugins.DETECTORS.load(teacher.model.detector).taught
    options = flatten(teacher.to_dict())
    if own["detector"] == teacher.model.detector:
        kept = options.with_options(own)
        return FileOptions(options.preset, {**kept, "init": "", "teacher": ""}, options.split_by)
    size = {"keypoints": str(teacher.model.count), "points": str(teacher.train.points)}
    return FileOptions(options.preset, {**size, **own}, options.split_by)
