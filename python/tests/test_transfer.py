from pathlib import Path

import fsspec
import pytest

from evalplanner_trainer import transfer


def test_what_is_put_comes_back(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    model = tmp_path / "model"
    (model / "deep").mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "deep" / "weights").write_bytes(b"\0\1")
    url = "memory://place"
    transfer.put(str(model), f"{url}/weights")
    transfer.put(str(model / "config.json"), f"{url}/one.json")
    transfer.write(f"{url}/word", "wörd")
    transfer.read(f"{url}/word")
    assert capsysbinary.readouterr().out == "wörd".encode()
    transfer.get(f"{url}/weights", str(tmp_path / "back"))
    assert (tmp_path / "back" / "config.json").read_text() == "{}"
    assert (tmp_path / "back" / "deep" / "weights").read_bytes() == b"\0\1"
    transfer.remove(url)
    assert not fsspec.filesystem("memory").exists("/place")
    transfer.remove(url)
