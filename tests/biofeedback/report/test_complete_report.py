"""A report that was cut off while it was written is not taken for one."""

import subprocess
from types import SimpleNamespace

from biofeedback.report import is_complete
from biofeedback.service.renderers import ReportRenderer


def test_a_half_report_is_none(tmp_path):
    path = tmp_path / "report.html"
    assert not is_complete(path)
    for text, complete in (("", False), ("<html><body>", False), ("<html></html>\n", True)):
        path.write_text(text, encoding="utf-8")
        assert is_complete(path) == complete


def test_a_half_report_is_made_again_and_a_whole_one_is_not(tmp_path, monkeypatch):
    def run(command, **_):
        path.write_text("<html>whole</html>", encoding="utf-8")
        made.append(command)
        return SimpleNamespace(returncode=0)

    made = []
    monkeypatch.setattr(subprocess, "run", run)
    path = tmp_path / "report.html"
    path.write_text("<html>ha", encoding="utf-8")
    reports = ReportRenderer()
    for _ in range(2):
        assert reports.render(tmp_path).read_text(encoding="utf-8") == "<html>whole</html>"
    assert len(made) == 1
