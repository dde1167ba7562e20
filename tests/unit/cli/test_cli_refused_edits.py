"""Outside edits that no label can be."""

import json


def test_an_outside_edit_that_no_label_can_be_is_named_until_its_file_is_gone(kelly, labelled):
    path = labelled / "manifest.json"
    data = json.loads(path.read_bytes())
    data["samples"][0]["annotations"]["emotion"] = "bogus"
    path.write_text(json.dumps(data))
    said = f"manifest.json: {data['samples'][0]['sample_id']} emotion 'bogus'"
    first = kelly("conflicts", labelled, "--json")
    assert said in first.err
    [kept] = (labelled / ".kelly/set-aside").iterdir()
    [listed] = first.json["not_taken"]
    assert listed.startswith(said)
    assert listed.endswith(f"kept in .kelly/set-aside/{kept.name}")
    told = kelly("conflicts", labelled).out
    assert listed in told
    assert f"delete a file in {labelled}/.kelly/set-aside once you have looked at it" in told
    kept.unlink()
    assert kelly("conflicts", labelled, "--json").json["not_taken"] == []
    assert "set-aside" not in kelly("conflicts", labelled).out
