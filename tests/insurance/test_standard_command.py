"""`manage.py standard`: a standard and the differences of two, as text and as CSV."""

import csv
import io

import pytest
from django.core.management import CommandError, call_command


def said(*words: str) -> str:
    out = io.StringIO()
    call_command("standard", *words, stdout=out)
    return out.getvalue()


def table(*words: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(said(*words, "--format", "csv"))))


def test_a_whole_standard_as_csv_has_a_row_for_each_field():
    rows = table("describe", "qd1931")
    assert len(rows) == 479
    assert len(table("describe", "qd4750")) == 481
    benefit = next(row for row in rows if (row["table"], row["tag"]) == ("XML2", "MUC_HUONG"))
    assert (benefit["max"], benefit["filled_from"], benefit["required"]) == ("4", "DrugRow.benefit_percent", "yes")


def test_one_table_as_text_says_its_elements_widths_and_duties():
    text = said("describe", "qd3176", "--table", "XML13")
    assert "XML13 Giấy chuyển tuyến: 37 trường, CHI_TIEU_GIAYCHUYENTUYEN" in text
    assert "từ 01/01/2025 đến 30/06/2026" in text
    assert "transfer_slip_used = absent (absent | present)" in text
    (line,) = (line for line in text.splitlines() if " MA_LYDO_CT " in line)
    assert line.split()[:4] == ["30", "MA_LYDO_CT", "code", "1"]
    assert line.endswith("[bắt buộc]")
    assert "XML12" not in text


def test_differences_of_two_standards():
    assert table("diff", "qd3176", "qd1931") == [
        {"table": name, "tag": "MUC_HUONG", "kind": "changed", "what": what, "before": before, "after": after}
        for name in ("XML2", "XML3")
        for what, before, after in (("type", "percent", "percent:1"), ("max", "3", "4"))
    ]
    text = said("diff", "qd130", "qd4750")
    assert "XML15: thêm" in text
    assert "XML3.TT_THAU: đổi độ dài 25 > 50" in text
    assert said("diff", "qd130", "qd130").startswith("qd130 > qd130: 0")


def test_a_decree_in_a_folder_is_shown_before_it_is_installed(tmp_path):
    toml = 'extends = "qd1931"\ntitle = "Thử"\nlaw = "qd3176"\nvalid_from = 2027-01-01\n'
    (tmp_path / "standard.toml").write_text(toml, "utf-8")
    header = "op,order,tag,type,max,required,codelist,source,law,name,note\n"
    (tmp_path / "XML1.csv").write_text(header + "change,,SDT,,,,,,qd3176,,\n", "utf-8")
    with pytest.raises(CommandError, match="line 2: cannot change SDT"):
        said("diff", "qd1931", str(tmp_path))
    (tmp_path / "XML1.csv").write_text(header + "change,,DIEN_THOAI,,20,,,,qd3176,,\n", "utf-8")
    assert "XML1.DIEN_THOAI: đổi độ dài 15 > 20" in said("diff", "qd1931", str(tmp_path))


@pytest.mark.parametrize(
    ("words", "message"), [(("describe", "qd9"), "qd130, qd4750"), (("describe", "qd130", "--table", "XML13"), "XML13")]
)
def test_what_does_not_exist_is_named(words, message):
    with pytest.raises(CommandError, match=message):
        said(*words)
