"""What the papers of a stock-take say, for the tests that look at them."""

from typing import Any

FACILITY = {
    "code": "99002",
    "name": "Bệnh viện Đa khoa Ví Dụ",
    "parent_name": "Sở Y tế tỉnh Ví Dụ",
    "address": "Số 1 đường Mẫu, phường Kiểm Thử, tỉnh Ví Dụ",
    "phone": "0900000002",
    "province_code": "99",
}
PRINT = {"number": "KK26-000001", "copy_no": 1, "printed_by": "Mai Thị Dược", "printed_at": "06/10/2026 12:00"}
NAMES = [
    ("Paracetamol 500mg", "Viên", "L'26-07", "Việt Nam"),
    ("Amoxicilin + acid clavulanic 875mg/125mg <viên bao phim>", "Viên", "ABCD-2026-0099123", "Ấn Độ"),
    ("Thuốc ho #bổ phế & $mật ong$", "Chai", "X1", "Việt Nam"),
]


def sheet_data(is_blind: bool) -> dict[str, Any]:
    """A count sheet of three lots."""
    rows = [
        {
            "position": str(number),
            "code": f"TH{number:04d}",
            "name": name,
            "unit": unit,
            "lot": lot,
            "expiry": "31/12/2027",
            "book": "" if is_blind else "1.250",
        }
        for number, (name, unit, lot, _) in enumerate(NAMES, 1)
    ]
    return {
        "count_number": "KK26-000001",
        "store": "Kho cấp phát ngoại trú",
        "snapshot": "06/10/2026 08:00",
        "round": 1,
        "counter": "Mai Thị Dược",
        "is_blind": is_blind,
        "rows": rows,
        "spare": 8,
        "facility": FACILITY,
        "print": PRINT,
    }


def record_data(rows: int = 3) -> dict[str, Any]:
    """A record with so many lots."""
    figures = ["1.250", "1.039.800", "1.240", "1.031.482", "2", "Chốt 1.300, xuất 50; Thiếu 8; Cấp nhầm lô"]
    lots = [NAMES[number % 3] for number in range(rows)]
    return {
        "form_no": "11D/BV-01",
        "title": "BIÊN BẢN KIỂM KÊ THUỐC",
        "count_number": "KK26-000001",
        "occasion": "Hằng tháng",
        "store": "Kho cấp phát ngoại trú",
        "snapshot": "06/10/2026 08:00",
        "from": "08 giờ 00 ngày 06/10/2026",
        "until": "11 giờ 30 ngày 06/10/2026",
        "state": "Đã duyệt, chưa ghi sổ",
        "members": [
            {"name": "Phan Giám Đốc", "title": "Giám đốc", "role": "Chủ tịch"},
            {"name": "Tạ Thư Ký", "title": "Kế toán", "role": "Thư ký"},
            {"name": "Mai Thị Dược", "title": "Dược sĩ", "role": "Thành viên"},
            {"name": "Lý Thị Điều", "title": "", "role": "Thành viên"},
        ],
        "rows": [[name, unit, "831,85", lot, country, "31/12/2027", *figures] for name, unit, lot, country in lots],
        "lines": f"{rows:02d}",
        "book_total": "3.119.400",
        "counted_total": "3.094.446",
        "words": "Ba triệu không trăm chín mươi bốn nghìn bốn trăm bốn mươi sáu đồng",
        "proposal": "Sắp xếp lại kệ thuốc theo hạn dùng",
        "signers": [
            {"role": "Thành viên", "names": ["Mai Thị Dược", "Lý Thị Điều"]},
            {"role": "Thư ký", "names": ["Tạ Thư Ký"]},
            {"role": "Chủ tịch Hội đồng kiểm kê", "names": ["Phan Giám Đốc"]},
        ],
        "day": "Ngày 06 tháng 10 năm 2026",
        "facility": FACILITY,
        "print": PRINT,
    }
