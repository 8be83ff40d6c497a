"""The samples in the cache: whole or rendered anew, whoever else builds, dies, or has filled the disk."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from generator.errors import SoundError
from generator.synthesis import sample_cache
from generator.synthesis.instruments.sample import normalized
from generator.synthesis.sample_cache import (
    CACHE_VARIABLE,
    TAG,
    TAG_NAME,
    kept_bytes,
    load,
    missing,
    samples_folder,
    samples_version,
    why_not_kept,
)
from generator.synthesis.sample_set import SampleSet
from tests.generator.synthesis.tiny_instruments import BUILD, PAUSE_VARIABLE, TINY

ROOT = Path(__file__).resolve().parents[3]
NAMES = tuple(TINY)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of our own; returns the folder of its samples."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return samples_folder()


@pytest.fixture
def built(cache):
    """The cache with the samples of all tiny instruments."""
    load(NAMES, instruments=TINY)
    return cache


def rendered_names(names=NAMES, **options):
    """Load, and return the instruments that had to be rendered for it."""
    found = []
    load(names, instruments=TINY, progress=lambda _, name: found.append(name), **options)
    return set(found)


def files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def building(*names, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_samples_come_back_as_they_were_rendered(built):
    library = load(NAMES, instruments=TINY)
    assert library.not_kept is None
    assert tuple(library.sets) == NAMES
    for name, samples in library.sets.items():
        expected = SampleSet.of(normalized(list(TINY[name].render_all())))
        assert np.array_equal(samples.frames, expected.frames)
        assert samples.entries == expected.entries
    assert library.sets["drone"].entries[0].loop_start == 1200


def test_samples_are_mapped_from_their_files_and_cannot_be_written(built):
    frames = load(["pluck"], instruments=TINY).sets["pluck"].frames
    assert isinstance(frames, np.memmap)
    assert Path(frames.filename) == built / "pluck.npy"
    with pytest.raises(ValueError, match="read-only"):
        frames[0] = 0


def test_what_is_in_the_cache_is_not_rendered_again_unless_it_is_asked_for(built):
    assert rendered_names() == set()
    assert rendered_names(["bell"], again=True) == {"bell"}


def test_a_cache_that_is_whole_needs_no_models(built):
    assert tuple(load(NAMES, instruments={}).sets) == NAMES


def test_the_same_samples_are_the_same_bytes(built):
    before = files(built)
    shutil.rmtree(built)
    load(reversed(NAMES), instruments=TINY)
    assert files(built) == before


def test_an_unknown_instrument_is_named(cache):
    with pytest.raises(SoundError, match=r"no instrument lute; there are: pluck, drone, bell"):
        load(["pluck", "lute"], instruments=TINY)
    assert not cache.exists()


def test_progress_rises_with_every_note_to_the_whole(cache):
    told = []
    load(NAMES, instruments=TINY, progress=lambda share, name: told.append((share, name)))
    shares = [share for share, _ in told]
    assert [name for _, name in told] == sorted((name for _, name in told), key=NAMES.index)
    assert len(told) >= sum(len(each.pitches) * len(each.velocities) for each in TINY.values())
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == pytest.approx(1.0)


def cut(path):
    path.write_bytes(path.read_bytes()[:-4])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def change(**values):
    def apply(path):
        index = json.loads(path.read_text())
        path.write_text(json.dumps({**index, **values}))

    return apply


def move_entry(path):
    index = json.loads(path.read_text())
    index["entries"][0][2] += 1
    path.write_text(json.dumps(index))


DAMAGE = {
    "no array": ("npy", Path.unlink),
    "no index": ("json", Path.unlink),
    "array cut off": ("npy", cut),
    "array empty": ("npy", lambda path: path.write_bytes(b"")),
    "bit flipped": ("npy", flip),
    "index cut off": ("json", cut),
    "index not text": ("json", lambda path: path.write_bytes(b"\xff\xfe\x00")),
    "index a list": ("json", lambda path: path.write_text("[1, 2]")),
    "entries unusable": ("json", change(entries=[[1]])),
    "entry moved": ("json", move_entry),
    "other checksum": ("json", change(checksum=1)),
    "other version": ("json", change(version="0123456789ab")),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_set_is_found_and_rendered_anew(built, damage):
    whole = files(built)
    suffix, do = DAMAGE[damage]
    do(built / f"pluck.{suffix}")
    assert missing(NAMES, verify=True) == ("pluck",)
    assert rendered_names() == {"pluck"}
    assert files(built) == whole
    assert missing(NAMES, verify=True) == ()


def test_the_cheap_check_reads_no_samples(built):
    flip(built / "pluck.npy")
    cut(built / "bell.npy")
    assert missing(NAMES) == ("bell",)
    assert kept_bytes("bell") is None
    assert kept_bytes("pluck") == (built / "pluck.npy").stat().st_size


def test_the_version_follows_from_the_sources_of_the_instruments(tmp_path, monkeypatch):
    package = Path(sample_cache.__file__).parent
    shutil.copytree(package / "instruments", tmp_path / "instruments")
    monkeypatch.setattr(sample_cache, "__file__", str(tmp_path / "sample_cache.py"))

    def version():
        samples_version.cache_clear()
        return samples_version()

    try:
        copied = version()
        changed_file = tmp_path / "instruments" / "plucked.py"
        # As a checkout for Windows has it.
        changed_file.write_bytes(changed_file.read_bytes().replace(b"\n", b"\r\n"))
        assert version() == copied
        changed_file.write_text(changed_file.read_text(encoding="utf-8") + "\nOTHER = 1\n", encoding="utf-8")
        assert version() != copied
    finally:
        monkeypatch.undo()
        samples_version.cache_clear()
    assert samples_version() == copied


def test_version_and_check_need_no_sound_library():
    script = (
        "import sys\nfrom generator.synthesis.sample_cache import load, missing, samples_version\n"
        "samples_version(); missing(['harp'], verify=True)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'pyo64', 'scipy', 'soundfile'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_folders_of_other_versions_are_removed_if_this_program_made_them(cache):
    for name, tag in (("old", TAG), ("older", TAG), ("foreign", b"something else"), ("untagged", None)):
        folder = cache.parent / name
        folder.mkdir(parents=True)
        (folder / "harp.npy").write_bytes(b"samples")
        (folder / "harp.json").write_text("{}")
        if tag is not None:
            (folder / TAG_NAME).write_bytes(tag)
    strange = cache.parent / "old" / "mine.txt"
    strange.write_text("put here by the user")
    load(["pluck"], instruments=TINY)
    assert {each.name for each in cache.parent.iterdir()} == {cache.name, "old", "foreign", "untagged"}
    assert [each.name for each in (cache.parent / "old").iterdir()] == ["mine.txt"]
    assert (cache.parent / "foreign" / "harp.npy").exists()
    assert (cache.parent / "untagged" / "harp.npy").exists()
    assert (cache / TAG_NAME).read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")


def test_what_a_killed_build_left_is_removed_later(built):
    left, recent = built / ".bell.abc.part", built / ".bell.xyz.part"
    for path in (left, recent):
        path.write_bytes(b"half")
    os.utime(left, times=(time.time() - 2 * sample_cache.ABANDONED_S,) * 2)
    load(["bell"], instruments=TINY, again=True)
    assert (left.exists(), recent.exists()) == (False, True)


def test_a_folder_that_cannot_be_made_leaves_the_samples_in_memory(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    library = load(["pluck"], instruments=TINY)
    assert str(tmp_path / "file") in library.not_kept
    assert library.not_kept == why_not_kept()
    assert "\n" not in library.not_kept
    expected = SampleSet.of(normalized(list(TINY["pluck"].render_all())))
    assert np.array_equal(library.sets["pluck"].frames, expected.frames)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on the size of files")
def test_a_disk_that_is_full_leaves_the_samples_in_memory_and_no_file(cache):
    script = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n" + BUILD
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT, env=os.environ
    )
    assert "not kept: the samples of the instruments cannot be kept in" in done.stdout
    assert [file.name for file in cache.iterdir()] == [TAG_NAME]
    assert missing(NAMES) == NAMES


@pytest.mark.realtime
def test_two_processes_that_build_at_once_both_end_with_whole_sets(cache):
    builders = [building(**{PAUSE_VARIABLE: "0.01"}) for _ in range(2)]
    outputs = [builder.communicate(timeout=120) for builder in builders]
    assert [builder.returncode for builder in builders] == [0, 0], outputs
    assert all(out.splitlines()[-1] == "not kept: None" for out, _ in outputs)
    assert missing(NAMES, verify=True) == ()
    assert {file.suffix for file in cache.iterdir()} == {".npy", ".json", ".TAG"}
    assert rendered_names() == set()


@pytest.mark.realtime
def test_a_build_that_is_killed_leaves_nothing_that_is_taken_for_whole(cache):
    builder = building(**{PAUSE_VARIABLE: "0.1"})
    while not builder.stdout.readline().endswith(" drone\n"):
        assert builder.poll() is None
    builder.kill()
    builder.communicate()
    assert missing(NAMES, verify=True) == ("drone", "bell")
    assert rendered_names() == {"drone", "bell"}
    assert missing(NAMES, verify=True) == ()


@pytest.mark.realtime
def test_it_may_be_killed_at_any_moment_of_its_writing(cache):
    for delay_s in (0.0, 0.001, 0.002, 0.005):
        builder = building()
        builder.stdout.readline()
        time.sleep(delay_s)
        builder.kill()
        builder.communicate()
        for name in NAMES:
            if missing([name], verify=True) == ():
                expected = SampleSet.of(normalized(list(TINY[name].render_all())))
                assert np.array_equal(load([name], instruments={}).sets[name].frames, expected.frames)
        shutil.rmtree(cache, ignore_errors=True)


def test_the_command_renders_what_is_missing_and_shows_its_progress(cache, capsys, monkeypatch):
    monkeypatch.setattr(sample_cache, "_models", lambda names, _: {name: TINY[name] for name in names})
    assert sample_cache.main(["pluck", "bell"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1.0000 bell"
    assert all(0 < float(line.split()[0]) <= 1 for line in lines)
    assert sample_cache.main(["pluck", "bell"]) == 0
    assert capsys.readouterr().out == ""


def test_the_command_renders_nothing_where_it_cannot_be_kept(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    assert sample_cache.main(["harp"]) == sample_cache.NOT_KEPT
    assert "cannot be kept" in capsys.readouterr().err
