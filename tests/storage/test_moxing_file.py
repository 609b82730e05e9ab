"""The familiar verbs, the same on the local disk, in a real S3 server and in a store that TensorFlow knows (ram://)."""

import uuid

import pytest

from algorithm.errors import StorageError
from algorithm.storage import moxing_file as file


@pytest.fixture(params=["local", "obs", pytest.param("ram", marks=pytest.mark.slow)])
def home(request, tmp_path):
    """An empty folder, by its address."""
    if request.param == "local":
        return str(tmp_path / "home")
    return (
        request.getfixturevalue("plain") if request.param == "obs" else f"ram://{uuid.uuid4().hex}"
    )


@pytest.fixture
def filled(home):
    file.make_dirs(home)
    for name in ("a.txt", "b/c d.txt", "b/图/e.txt"):
        file.write(f"{home}/{name}", name)
    return home


def test_reading_and_writing(home):
    file.make_dirs(home)
    file.write(f"{home}/a", "文")
    assert (file.read(f"{home}/a"), file.read(f"{home}/a", binary=True)) == ("文", "文".encode())
    file.remove(f"{home}/a")  # ram:// would write behind what is there
    file.write(f"{home}/a", b"\xff", binary=True)
    if not home.startswith("ram"):
        file.write(f"{home}/a", b"\xff")
        file.append(f"{home}/a", b"\xfe")
        assert file.read(f"{home}/a", binary=True) == b"\xff\xfe"
    file.append(f"{home}/new", "x")
    assert (file.get_size(f"{home}/a") > 0, file.read(f"{home}/new")) == (True, "x")
    with pytest.raises(FileNotFoundError):
        file.read(f"{home}/nothing")


def test_looking(filled):
    assert (
        file.exists(f"{filled}/a.txt")
        and file.exists(f"{filled}/b")
        and not file.exists(f"{filled}/nothing")
    )
    assert file.is_directory(f"{filled}/b") and not file.is_directory(f"{filled}/a.txt")
    assert file.list_directory(filled) == ["a.txt", "b"]
    assert file.list_directory(filled, skip_dir=True) == ["a.txt"]
    assert file.list_directory(filled, recursive=True, skip_dir=True) == [
        "a.txt",
        "b/c d.txt",
        "b/图/e.txt",
    ]
    assert file.list_directory(filled, recursive=True, skip_file=True) == ["b", "b/图"]
    assert (file.get_size(f"{filled}/a.txt"), file.get_size(filled, recursive=True)) == (
        5,
        5 + 9 + 11,
    )
    assert (file.stat(f"{filled}/a.txt").length, file.stat(f"{filled}/b").is_directory) == (5, True)
    assert file.stat(f"{filled}/a.txt").mtime_nsec > 10**18 or filled.startswith("ram")
    assert file.glob(f"{filled}/b/*.txt") == [f"{filled}/b/c d.txt", f"{filled}/b/图/e.txt"]
    assert [(folder.removeprefix(filled), names) for folder, _, names in file.walk(filled)] == [
        ("", ["a.txt"]),
        ("/b", ["c d.txt"]),
        ("/b/图", ["e.txt"]),
    ]
    with pytest.raises(FileNotFoundError, match="expected a file or a folder at"):
        file.stat(f"{filled}/nothing")
    with pytest.raises(FileNotFoundError, match="list_directory: expected a folder"):
        file.list_directory(f"{filled}/nothing")


def test_copying(filled, tmp_path):
    file.copy(f"{filled}/a.txt", str(tmp_path / "one"))
    file.copy(str(tmp_path / "one"), f"{filled}/again")
    assert file.read(f"{filled}/again") == "a.txt"
    file.copy_parallel(filled, str(tmp_path / "all"))
    file.copy_parallel(str(tmp_path / "all"), f"{filled}/twice", is_processing=False)
    assert file.read(f"{filled}/twice/b/图/e.txt") == "b/图/e.txt"
    file.copy_parallel(filled, str(tmp_path / "some"), file_list=["b/c d.txt"], threads=2)
    assert file.list_directory(str(tmp_path / "some"), recursive=True, skip_dir=True) == [
        "b/c d.txt"
    ]
    file.copy(f"{filled}/a.txt", f"{filled}/within/b")
    assert file.read(f"{filled}/within/b") == "a.txt"


def test_copying_nothing_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(StorageError, match="no files to copy"):
        file.copy_parallel(str(tmp_path / "empty"), str(tmp_path / "to"))


def test_renaming_and_removing(filled):
    file.rename(f"{filled}/a.txt", f"{filled}/z.txt")
    assert file.read(f"{filled}/z.txt") == "a.txt" and not file.exists(f"{filled}/a.txt")
    file.remove(f"{filled}/z.txt")
    assert not file.exists(f"{filled}/z.txt")
    file.remove(f"{filled}/b")  # a folder needs recursive
    file.remove(f"{filled}/b/")
    assert file.exists(f"{filled}/b/c d.txt")
    file.remove(f"{filled}/b", recursive=True)
    assert not file.exists(f"{filled}/b")


def test_making_folders(tmp_path, plain):
    with pytest.raises(StorageError, match="mk_dir: expected the folder"):
        file.mk_dir(str(tmp_path / "a/b"))
    file.mk_dir(str(tmp_path / "a"))
    file.mk_dir(str(tmp_path / "a/b"))
    assert (tmp_path / "a/b").is_dir()
    file.make_dirs(f"{plain}/a/b")


@pytest.mark.slow
def test_a_store_that_tensorflow_does_not_know_is_named():
    with pytest.raises(
        StorageError, match="could not read viewfs://bucket/a: this TensorFlow knows no such store"
    ):
        file.read("viewfs://bucket/a")
