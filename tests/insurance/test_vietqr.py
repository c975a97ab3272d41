"""VietQR: the texts that other implementations and the published example have, and nothing that banks would cut."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.billing.vietqr import TO_CARD, Transfer, build, crc, parse

WORKED = (
    "00020101021238560010A0000007270126000697041501121133666688880208QRIBFTTA53037045405865005802VN"
    "62160812VP26112200016304506B"
)
STATIC = "00020101021138560010A0000007270126000697041501121133666688880208QRIBFTTA53037045802VN6304F443"
NOTED = (
    "00020101021238570010A00000072701270006970415011300110019324180208QRIBFTTA530370454061200005802VN"
    "62170813ung ho lu lut6304C15C"
)
VECTORS = [
    (WORKED, Transfer("970415", "113366668888", Decimal(86500), "VP2611220001")),
    (STATIC, Transfer("970415", "113366668888")),
    (NOTED, Transfer("970415", "0011001932418", Decimal(120000), "ung ho lu lut")),
]


@pytest.mark.parametrize(("text", "transfer"), VECTORS)
def test_the_published_texts_are_built_and_read(text: str, transfer: Transfer) -> None:
    assert build(transfer) == text
    assert parse(text) == transfer


def test_the_check_sum_is_ccitt_false() -> None:
    assert crc("123456789") == "29B1"  # the check value that the catalogue of CRCs gives
    assert [text[-4:] for text, _ in VECTORS] == ["506B", "F443", "C15C"]
    for text, _ in VECTORS:
        assert crc(text[:-4]) == text[-4:]


def test_any_changed_character_is_found() -> None:
    for at in range(len(WORKED)):
        other = "1" if WORKED[at] != "1" else "2"
        with pytest.raises(ValueError, match=r"QR text|check sum"):
            parse(WORKED[:at] + other + WORKED[at + 1 :])
    for broken in ("", "6304", "63041D0F", WORKED[:-1], WORKED + " ", WORKED.replace("A0", "Á0")):
        with pytest.raises(ValueError, match=r"QR text|check sum"):
            parse(broken)


TRANSFERS = st.builds(
    Transfer,
    bin=st.from_regex(r"[0-9]{6}", fullmatch=True).filter(str.isascii),
    account=st.from_regex(r"[0-9A-Z]{1,19}", fullmatch=True).filter(str.isascii),
    amount=st.none() | st.integers(1, 10**12).map(Decimal),
    purpose=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ", max_size=25),
    service=st.sampled_from(["QRIBFTTA", TO_CARD]),
)


@given(TRANSFERS)
def test_what_is_built_is_read_back(transfer: Transfer) -> None:
    text = build(transfer)
    assert text.isascii()
    assert parse(text) == transfer


@pytest.mark.parametrize(
    "wrong",
    [
        {"bin": "97041"},
        {"bin": "97041x"},
        {"bin": "٩٧٠٤١٥"},
        {"account": ""},
        {"account": "1" * 20},
        {"account": "12 34"},
        {"amount": Decimal(0)},
        {"amount": Decimal(-1)},
        {"amount": Decimal("0.5")},
        {"amount": Decimal("NaN")},
        {"amount": Decimal(10) ** 13},
        {"purpose": "Viện phí"},
        {"purpose": "A" * 26},
        {"purpose": "VP-1"},
        {"service": "OTHER"},
    ],
)
def test_what_banks_would_cut_is_never_built(wrong: dict[str, object]) -> None:
    values = {"bin": "970415", "account": "113366668888", "amount": Decimal(1000), "purpose": "VP1"} | wrong
    with pytest.raises(ValueError, match=r"BIN|amount|purpose|service"):
        build(Transfer(**values))
