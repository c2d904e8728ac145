"""Reading answers from JSON lines: what is taken, and what is said of a wrong line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tokengym.benchmarks.answers import Answer, count_lines, read_answers
from tokengym.rewards import Sample


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(
        '\ufeff{"prompt": "p", "response": "雨", "references": ["a", "b"], "meta": {"facts": ["x"]}, "finished": false, "id": 7, "x": 0}\n'
        "\n"
        '{"response": "", "references": null, "meta": null, "prompt": null}\n',
        encoding="utf-8",
    )
    assert list(read_answers(str(file))) == [
        Answer(1, 7, Sample("p", "雨", ("a", "b"), {"facts": ["x"]}, False)),
        Answer(3, None, Sample("", "", (), {}, True)),
    ]
    assert count_lines(str(file)) == 3 and count_lines("-") is None


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"response": "x"}\n{"respond": 1}\n'))
    answers = read_answers("-")
    assert next(answers).sample.response == "x"
    with pytest.raises(ValueError, match="standard input, line 2 has 'respond'; the key is 'response'"):
        next(answers)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is not JSON"),
        ("[1]", 'line 2 is a list with a number in it; expected an object such as {"prompt"'),
        ('{"prompt": "p", "output": "x"}', "line 2 has no 'response', the text that is scored; its keys: prompt, output"),
        ("{}", "its keys: none"),
        ('{"response": null}', "line 2: response is null; expected a text"),
        ('{"response": ["x"]}', "line 2: response is a list; expected a text"),
        ('{"response": "x", "prompt": 3}', "line 2: prompt is a number; expected a text"),
        ('{"response": "x", "references": "雨"}', r'line 2: references is a text; expected a list of texts: \["雨"\]'),
        ('{"response": "x", "references": ["a", 3]}', "line 2: references is a list with a number in it; expected a list of texts"),
        ('{"response": "x", "references": {}}', "line 2: references is an object; expected a list of texts"),
        ('{"response": "x", "reference": ["a"]}', "line 2 has 'reference'; the key is 'references'"),
        ('{"response": "x", "meta": []}', "line 2: meta is a list; expected an object"),
        ('{"response": "x", "finished": "no"}', "line 2: finished is a text; expected true or false"),
    ],
)
def test_wrong_lines(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"response": "x"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        list(read_answers(str(tmp_path / "a.jsonl")))


def test_wrong_files(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"response": "\xff"}\n')
    with pytest.raises(ValueError, match="is not UTF-8 text, near line 1"):
        list(read_answers(str(tmp_path / "a.jsonl")))
    with pytest.raises(FileNotFoundError, match="is not a file; expected JSON lines"):
        list(read_answers(str(tmp_path)))
    assert count_lines(str(tmp_path)) is None
