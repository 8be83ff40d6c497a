"""The engine's log tells places and kinds, never values: they may be somebody's words."""

import logging

from biofeedback.service.error_log import RedactingFormatter, report_error


def test_a_fault_is_told_without_its_values(caplog) -> None:
    def fail(words: str) -> None:
        raise ValueError(words)

    spoken = "P-017 said that she cannot sleep"
    try:
        fail(spoken)
    except ValueError as error:
        told = report_error("the order 'note' failed", error)
    (record,) = caplog.records
    written = RedactingFormatter("%(levelname)s %(message)s").format(record)
    assert record.levelno == logging.ERROR
    assert "the order 'note' failed" in written
    assert "in fail" in written
    assert written.endswith("ValueError")
    assert spoken not in written + told
    assert "ValueError" in told
