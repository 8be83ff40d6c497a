"""Nothing that identifies leaves unasked, and what does is found wherever it hides."""

import gzip
import json
import os
import struct
from datetime import time

import edfio
import mido
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from biofeedback.errors import IdentifyingContent
from biofeedback.exports import FORMATS
from biofeedback.exports import export as module
from biofeedback.exports.deidentification import NEUTRAL_TIME_S, find_identifiers, identifiers_of
from biofeedback.exports.export import export
from biofeedback.exports.identifier_search import Identifier, IdentifierSearch
from biofeedback.recording import xdf
from biofeedback.recording.storage import read_meta

NAME = Identifier("client", "Jürgen Kühn")
SERIAL = Identifier("device or input", "7F3A2B19")
WALL = Identifier("wall clock", "1772353812")
KNOWN = (NAME, SERIAL, WALL)


def as_text(path, text):
    path.write_text(f"a line\nanother with {text} in it\n", encoding="utf-8")


def as_gzip(path, text):
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
        file.write(f"1.5\t{text}\n".encode())


def as_gzip_header(path, text):
    with path.open("wb") as raw, gzip.GzipFile(filename=text, mode="wb", fileobj=raw, mtime=0) as file:
        file.write(b"1.5\n")


def as_gzip_time(path, text):
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=1772353812) as file:
        file.write(b"1.5\n")


def as_json(path, text):
    path.write_text(json.dumps({"who": text}), encoding="ascii")


def as_parquet_column(path, text):
    pq.write_table(pa.table({"time_s": [0.0, 1.0], "words": [None, f"said {text}"]}), path)


def as_parquet_metadata(path, text):
    field = pa.field("time_s", pa.float64(), metadata={"unit": text})
    pq.write_table(pa.table([[0.0]], schema=pa.schema([field])), path)


def as_parquet_name(path, text):
    pq.write_table(pa.table({text: [0.0]}), path)


def as_edf_header(path, text):
    signal = edfio.EdfSignal(np.arange(10.0), 1, label=text.encode("ascii", "ignore").decode()[:16])
    edfio.Edf([signal]).write(path)


def as_edf_annotation(path, text):
    signal = edfio.EdfSignal(np.arange(10.0), 1)
    edfio.Edf([signal], annotations=[edfio.EdfAnnotation(1.0, None, f"seen {text}")]).write(path)


def as_midi(path, text):
    file = mido.MidiFile(charset="utf-8")
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("text", text=f"for {text}")]))
    file.save(path)


def as_flac_tag(path, text):
    with soundfile.SoundFile(path, "w", 48_000, 1, "PCM_16") as file:
        file.artist = text
        file.write(np.zeros(1000))


def as_wav_tag(path, text):
    with soundfile.SoundFile(path, "w", 48_000, 1, "PCM_16") as file:
        file.comment = text
        file.write(np.zeros(1000))


def as_xdf_header(path, text):
    header = xdf.StreamHeader(name="ecg", kind="ECG", source_id=text, labels=("II",), units=("mV",))
    path.write_bytes(xdf.file_header() + xdf.stream_header(1, header))


def as_xdf_sample(path, text):
    header = xdf.StreamHeader(name="m", kind="Markers", source_id="m", labels=("m",), units=("",), text=True)
    samples = xdf.samples_chunk(1, 1, xdf.text_sample(0.0, json.dumps({"text": text})))
    path.write_bytes(xdf.file_header() + xdf.stream_header(1, header) + samples)


def as_utf_16(path, text):
    path.write_bytes(text.encode("utf-16-le"))


def as_unknown(path, text):
    path.write_bytes(b"\xff\x00\x13" + text.encode("utf-8") + b"\x00\xff")


PLACES = {
    "text.md": as_text,
    "table.tsv.gz": as_gzip,
    "escaped.json": as_json,
    "words.parquet": as_parquet_column,
    "metadata.parquet": as_parquet_metadata,
    "name.parquet": as_parquet_name,
    "annotation.edf": as_edf_annotation,
    "text.mid": as_midi,
    "tag.flac": as_flac_tag,
    "tag.wav": as_wav_tag,
    "header.xdf": as_xdf_header,
    "sample.xdf": as_xdf_sample,
    "wide.bin": as_utf_16,
    "unknown.bin": as_unknown,
}


def neutral(folder):
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (NEUTRAL_TIME_S, NEUTRAL_TIME_S))
    return folder


@pytest.mark.parametrize("secret", [NAME, SERIAL], ids=["name", "serial"])
@pytest.mark.parametrize("name", PLACES)
def test_a_secret_is_found_in_every_place(tmp_path, name, secret):
    PLACES[name](tmp_path / name, secret.text)
    (finding,) = find_identifiers(neutral(tmp_path), KNOWN)[:1]
    assert finding.file == name
    assert secret.what in finding.what
    PLACES[name](tmp_path / name, "nobody")
    assert find_identifiers(neutral(tmp_path), KNOWN) == ()


@pytest.mark.parametrize(
    ("name", "write", "says"),
    [
        ("header.edf", as_edf_header, "device or input"),
        ("name.gz", as_gzip_header, "names a file"),
        ("time.gz", as_gzip_time, "holds a time"),
    ],
)
def test_headers_are_searched(tmp_path, name, write, says):
    write(tmp_path / name, SERIAL.text)
    assert says in " ".join(map(str, find_identifiers(neutral(tmp_path), KNOWN)))


def test_dates_of_headers_and_files_are_found(tmp_path):
    signal = edfio.EdfSignal(np.arange(10.0), 1)
    edfio.Edf([signal], starttime=time(9, 30)).write(tmp_path / "a.edf")
    (tmp_path / "b.txt").write_text("nothing", encoding="utf-8")
    neutral(tmp_path)
    os.utime(tmp_path / "b.txt", (1772353812, 1772353812))
    assert [str(finding) for finding in find_identifiers(tmp_path, ())] == [
        "a.edf: the header holds a date or a time of day",
        "b.txt: the file's date is that of its making",
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("begun on 2026-03-01 in the morning", "a date"),
        ("with A0:9E:1A:7F:3A:2B", "a device's address"),
        ("uid 6f1c1b9e-7a51-4b0e-9a3e-0d5f6f1c1b9e", "a unique id"),
        ("from /home/eva/data.csv", "a user's path"),
        ("at 1772353900.25,0.5", "the wall clock"),
        ("JÜRGEN KÜHN", "client"),
        ("Ju\u0308rgen Ku\u0308hn", "client"),
        ("J%C3%BCrgen%20K%C3%BChn", "client"),
    ],
)
def test_what_gives_away_is_found_without_being_told(tmp_path, text, what):
    as_text(tmp_path / "readme", text)
    assert what in str(find_identifiers(neutral(tmp_path), KNOWN)[0])


def test_numbers_are_no_secrets_by_chance(tmp_path):
    (tmp_path / "t.csv").write_text(
        "time_s,x\n0.1772353812,-1772.353812\n1234,1e-05\n7.0,1234\n", encoding="utf-8"
    )
    pq.write_table(pa.table({"x": [0.0, 1.5]}), tmp_path / "t.parquet")
    assert find_identifiers(neutral(tmp_path), (*KNOWN, Identifier("client", "1234"))) == ()
    (tmp_path / "t.json").write_text('{"who": "1234"}', encoding="utf-8")
    assert find_identifiers(neutral(tmp_path), [Identifier("client", "1234")]) != ()


def test_unix_times_are_found_in_columns_of_numbers(tmp_path):
    pq.write_table(pa.table({"x": [0.0, 1772353900.5]}), tmp_path / "t.parquet")
    assert "wall clock in column x" in str(find_identifiers(neutral(tmp_path), KNOWN)[0])


def test_a_file_that_cannot_be_searched_is_a_finding(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + struct.pack("<I", 3))
    assert "cannot be searched" in str(find_identifiers(neutral(tmp_path), ())[0])


def test_names_of_files_and_folders_are_searched(tmp_path):
    (tmp_path / "Jürgen Kühn").mkdir()
    assert "the file's name" in str(find_identifiers(neutral(tmp_path), KNOWN)[0])


@pytest.fixture
def known(agreed):
    return lambda _: agreed("K-17", texts=("was sich danach noch ergab",), ids=("5f0d0c1e",))


def test_nothing_of_a_session_that_identifies_is_in_any_export(session_directory, order, recorded, known):
    exported = export([session_directory], order(*FORMATS), know=known)
    told = [text for name, text in recorded.secrets.items() if name != "label"]
    texts = (*told, "Sommerfeld", "Scarlett", "2026-03-01", "9:30", "Müller", "7F3A2B19", "was sich danach")
    for path in exported.folder.rglob("*"):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else b""
        data += path.read_bytes() if path.is_file() else b""
        assert not [text for text in texts if text.encode() in data or text in path.name], path
        assert path.stat().st_mtime == NEUTRAL_TIME_S


def test_identified_and_with_text_keep_what_they_say(session_directory, order, known):
    folder = export([session_directory], order("csv", identified=True, with_text=True), know=known).folder
    told = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["sessions"][0]["identified"]
    assert told["t0_wall"].startswith("2026-03-01")
    assert told["client"] == "K-17"
    assert "IDENTIFIED" in (folder / "README.md").read_text(encoding="utf-8")
    assert (folder / "sub-001" / "ses-001" / "clock.csv").exists()
    assert "Eva" in (folder / "sub-001" / "ses-001" / "eda.csv").read_text(encoding="utf-8")


def test_an_export_that_still_identifies_is_removed(session_directory, order, known, monkeypatch):
    def leaking(kind, source, folder, order):
        written = write(kind, source, folder, order)
        (folder / "leak.txt").write_text("of Polar H10 7F3A2B19", encoding="utf-8")
        return written

    write = module._write_session
    monkeypatch.setattr(module, "_write_session", leaking)
    wanted = order("midi")
    with pytest.raises(IdentifyingContent, match=r"leak\.txt: device or input") as caught:
        export([session_directory], wanted, know=known)
    assert {finding.file for finding in caught.value.findings} == {"leak.txt"}
    assert not wanted.out.exists()
    assert not list(wanted.out.parent.glob("*.part"))


def test_what_the_description_knows_is_gathered(session_directory, recorded):
    found = {secret.text for secret in identifiers_of(session_directory, read_meta(session_directory))}
    wanted = {"Polar H10 7F3A2B19", "A0:9E:1A:7F:3A:2B", "Müller_Eva_1971", "Eva", "Praxis Dr. Sommerfeld"}
    assert wanted | {"Scarlett 2i2 4711", "2026-03-01", session_directory.name} <= found


def test_a_code_is_found_as_a_whole_word_only():
    search = IdentifierSearch(
        [
            Identifier("client", "PATIENT-1"),
            Identifier("client", "Eva"),
            Identifier("device or input", "H10-7F3A2B"),
        ]
    )
    assert search.in_text("PATIENT-10, PATIENT-12, Evaluation, Eva\u0308, Evaि") == []
    assert [hit.text for hit in search.in_text("PATIENT-1, patient-1_ecg.csv, eva.")] == [
        "PATIENT-1",
        "patient-1",
        "eva",
    ]
    assert search.in_text("xH10-7F3A2Bx") != []


def test_a_code_of_digits_is_found_in_a_sentence_and_not_in_a_number():
    search = IdentifierSearch([Identifier("client", "17")])
    assert search.in_text("17.5 s, 0.17, -17 dB, 170, 3\n17\n") == []
    for text in ("the hands of 17. ", "17 again", "of client 17, she"):
        assert [hit.text for hit in search.in_text(text)] == ["17"]
