"""Tests that show what no command of a user can: other machines, other processes, a network."""

from pathlib import Path

FOLDER = Path(__file__).parents[2]
NAMED = [
    ("bad files", "every reader, thousands of files that are almost right", "kg/test_fuzz.py::test_shapes"),
    ("bad files", "every file of kg's own, the same", "kg/test_fuzz.py::test_files_of_kg"),
    (
        "frames",
        "T-shirt scans of 0.2 % noise, animals in poses, clouds",
        "plugins/kg_datasets/test_folder.py::test_real_sequences_are_one_object_each",
    ),
    (
        "data sets",
        "ClothesNet's keypoints, whose meaning nobody says, are no landmarks",
        "plugins/kg_datasets/test_clothesnet.py::test_keypoints_that_nobody_gave_a_meaning_are_no_landmarks",
    ),
    (
        "data sets",
        "one model in several files of ShapeNet",
        "plugins/kg_datasets/test_shapenet.py::test_a_model_of_several_files_counts_once",
    ),
    (
        "kernels",
        "a kernel that does not compile is given up for its dtype alone",
        "kg/ops/test_kernels.py::test_a_kernel_that_does_not_compile_is_given_up_once_for_a_dtype",
    ),
    (
        "kernels",
        "half precision leaves the kernel to the others",
        "kg/ops/test_kernels.py::test_half_precision_is_pytorchs_and_leaves_the_kernel_to_the_others",
    ),
    (
        "kernels",
        "each with two threads as with one",
        "kg/ops/test_parallel.py::test_two_threads_compute_what_the_twin_does",
    ),
    (
        "kernels",
        "several Python threads in numba's own pool",
        "kg/ops/test_parallel.py::test_several_threads_of_python_search_at_once_in_numbas_own_pool",
    ),
    (
        "kernels",
        "a constant that changed compiles anew",
        "kg/compiling/test_loops.py::test_a_loop_is_compiled_anew_when_a_constant_from_another_module_has_changed",
    ),
    (
        "kernels",
        "a cache that was emptied or cut",
        "kg/compiling/test_loops.py::test_what_was_emptied_or_cut_is_compiled_anew",
    ),
    (
        "kernels",
        "no folder can be written",
        "kg/compiling/test_loops.py::test_where_nothing_can_be_written_it_is_compiled_each_time_and_the_way_out_is_said",
    ),
    ("kernels", "two processes at once", "kg/compiling/test_loops.py::test_of_two_processes_one_compiles"),
    (
        "machines",
        "a file system without locks",
        "kg/data/test_lock.py::test_where_there_are_no_locks_work_goes_on_with_a_warning",
    ),
    (
        "machines",
        "a file system that cannot flush",
        "kg/test_paths.py::test_a_file_system_that_cannot_flush_is_no_error_and_a_broken_disk_is",
    ),
    ("machines", "no home", "kg/test_paths.py::test_who_has_no_home_is_told_the_variable"),
    (
        "machines",
        "terminals without × and –",
        "kg/cli/test_terminal.py::test_marks_that_a_terminal_lacks_are_written_plainly",
    ),
    (
        "machines",
        "narrow terminals",
        "kg/cli/test_output.py::test_a_narrow_terminal_folds_words_and_no_numbers",
    ),
    (
        "machines",
        "threads by quota and affinity",
        "kg/test_devices.py::test_threads_are_what_affinity_and_quotas_permit",
    ),
    (
        "machines",
        "threads that wait sleep",
        "kg/test_devices.py::test_threads_that_wait_sleep_unless_the_user_says_otherwise",
    ),
    (
        "attacks",
        "a redirect from https by http",
        "kg/data/fetching/test_download.py::test_every_step_of_a_redirect_is_by_https",
    ),
    (
        "attacks",
        "an answer without end",
        "kg/data/fetching/test_download.py::test_an_answer_without_end_has_one",
    ),
    (
        "attacks",
        "an answer that is packed unasked",
        "kg/data/fetching/test_download.py::test_what_was_packed_unasked_is_refused",
    ),
    (
        "attacks",
        "archives that are bombs",
        "kg/data/fetching/test_archive.py::test_bombs_are_refused_before_they_go_off",
    ),
    (
        "attacks",
        "names in archives that lead out of the folder",
        "kg/data/fetching/test_archive.py::test_names_that_lead_out_are_refused",
    ),
    (
        "plugins",
        "what a plugin prints is no result",
        "kg/test_plugins.py::test_what_a_plugin_prints_is_no_result",
    ),
]
"""Part of the table, what is shown, and the test."""


def checked(name: str) -> str:
    """Return a test's name, which has to be there."""
    file, _, function = name.partition("::")
    if f"def {function}(" not in (FOLDER / file).read_text():
        raise SystemExit(f"There is no test {name}.")
    return name
