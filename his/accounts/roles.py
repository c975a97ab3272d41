"""Roles as sets of named permissions (vai trò và quyền). Screens, API and commands obey the same names."""

from typing import Final

PERMISSIONS: Final[dict[str, str]] = {
    "patients.view": "Xem người bệnh và lượt khám",
    "patients.register": "Đăng ký người bệnh, thẻ, lượt khám",
    "patients.queue": "Gọi và sắp xếp hàng chờ",
    "patients.triage": "Ghi dấu hiệu sinh tồn",
    "patients.examine": "Khám, chẩn đoán, kê đơn, ký",
    "patients.result": "Nhập kết quả dịch vụ",
    "patients.send_prescriptions": "Gửi đơn thuốc lên hệ thống quốc gia",
    "cases.report": "Báo ca bệnh truyền nhiễm",
    "care.view": "Xem người bệnh đang quản lý",
    "care.manage": "Đưa vào, thôi quản lý bệnh mạn tính",
    "pharmacy.view": "Xem kho thuốc",
    "pharmacy.draft": "Lập phiếu nháp, phiếu lĩnh, nhận hàng chuyển đến, bàn giao tủ trực",
    "pharmacy.receive": "Kiểm nhập, ghi sổ chứng từ kho",
    "pharmacy.approve": "Duyệt phiếu lĩnh",
    "pharmacy.destroy": "Ghi sổ hủy thuốc",
    "pharmacy.dispense": "Cấp phát thuốc",
    "pharmacy.reverse": "Hủy chứng từ kho",
    "pharmacy.approve_count": "Duyệt kiểm kê kho",
    "pharmacy.keep_book": "Khóa, ký sổ thuốc kiểm soát đặc biệt",
    "pharmacy.approve_book": "Ký sổ thuốc kiểm soát đặc biệt của người đứng đầu",
    "pharmacy.settings": "Đặt quy định kho thuốc",
    "billing.view": "Xem chi phí",
    "billing.close": "Chốt chi phí lượt khám",
    "billing.collect": "Thu tiền",
    "billing.refund": "Hoàn tiền",
    "billing.void": "Hủy phiếu vừa thu",
    "billing.approve": "Duyệt hoàn tiền",
    "billing.receive": "Nhận bàn giao tiền của ca thu",
    "billing.close_day": "Khóa sổ ngày",
    "billing.settings": "Đặt quy định thu ngân, tài khoản ngân hàng, hóa đơn",
    "billing.reopen": "Mở lại lượt khám đã chốt",
    "billing.waive": "Miễn giảm phần người bệnh trả",
    "billing.invoice": "Lập, gửi hóa đơn điện tử",
    "billing.correct_invoice": "Điều chỉnh, thay thế hóa đơn",
    "claims.view": "Xem hồ sơ BHYT",
    "claims.build": "Lập và kiểm tra hồ sơ BHYT",
    "claims.export": "Xuất hồ sơ BHYT",
    "claims.waive": "Bỏ qua lỗi của hồ sơ BHYT, có lý do",
    "reports.view": "Xem báo cáo",
    "reports.run": "Lập báo cáo, kiểm tra trước khi ký",
    "reports.sign": "Ký, rút báo cáo; giao việc báo cáo",
    "reports.send": "Ghi nhận đã gửi báo cáo",
    "reports.duties": "Xem lịch báo cáo, đánh dấu việc đã làm",
    "registers.view": "Xem, in các sổ",
    "registers.write": "Ghi, sửa, hủy dòng sổ",
    "registers.sensitive": "Xem sổ HIV, sổ tâm thần",
    "registers.settings": "Đặt cách đánh số sổ",
    "briefing.view": "Xem báo cáo giao ban",
    "briefing.write": "Ghi báo cáo giao ban",
    "briefing.lock": "Chốt báo cáo giao ban",
    "prices.view": "Xem bảng giá, danh mục thuốc",
    "catalogs.import": "Nhập danh mục",
    "catalogs.attributes": "Sửa thuộc tính thuốc, vật tư; xác nhận thuốc kiểm soát đặc biệt",
    "accounts.manage": "Quản lý tài khoản và cơ sở",
    "audit.view": "Xem nhật ký",
}

ROLES: Final[dict[str, tuple[str, frozenset[str]]]] = {
    "reception": (
        "Tiếp đón",
        frozenset({"patients.view", "patients.register", "patients.queue", "billing.view", "prices.view"}),
    ),
    "nurse": (
        "Điều dưỡng",
        frozenset(
            {
                "patients.view",
                "patients.queue",
                "patients.triage",
                "patients.result",
                "care.view",
                "pharmacy.view",
                "pharmacy.draft",
                "registers.view",
                "registers.write",
                "briefing.view",
                "briefing.write",
            }
        ),
    ),
    "doctor": (
        "Bác sĩ",
        frozenset(
            {
                "patients.view",
                "patients.queue",
                "patients.triage",
                "patients.examine",
                "patients.result",
                "patients.send_prescriptions",
                "cases.report",
                "care.view",
                "care.manage",
                "pharmacy.view",
                "registers.view",
                "registers.write",
                "registers.sensitive",
                "briefing.view",
                "briefing.write",
                "briefing.lock",
            }
        ),
    ),
    "technician": (
        "Kỹ thuật viên",
        frozenset({"patients.view", "patients.queue", "patients.result", "registers.view"}),
    ),
    "pharmacist": (
        "Dược sĩ",
        frozenset(
            {
                "patients.view",
                "patients.send_prescriptions",
                "pharmacy.view",
                "pharmacy.draft",
                "pharmacy.receive",
                "pharmacy.dispense",
                "pharmacy.reverse",
                "prices.view",
                "catalogs.attributes",
                "pharmacy.keep_book",
            }
        ),
    ),
    "store_keeper": ("Thủ kho dược", frozenset({"pharmacy.view", "pharmacy.draft", "pharmacy.receive"})),
    "pharmacy_head": (
        "Trưởng khoa Dược",
        frozenset(
            {
                "patients.view",
                "patients.send_prescriptions",
                "pharmacy.view",
                "pharmacy.draft",
                "pharmacy.receive",
                "pharmacy.dispense",
                "pharmacy.approve",
                "pharmacy.destroy",
                "pharmacy.reverse",
                "pharmacy.approve_count",
                "pharmacy.keep_book",
                "prices.view",
                "catalogs.attributes",
                "reports.duties",
            }
        ),
    ),
    "cashier": (
        "Thu ngân",
        frozenset(
            {
                "patients.view",
                "billing.view",
                "prices.view",
                "billing.close",
                "billing.collect",
                "billing.refund",
                "billing.void",
                "billing.receive",
                "billing.invoice",
            }
        ),
    ),
    "accountant": (
        "Kế toán, thủ quỹ",
        frozenset(
            {
                "patients.view",
                "billing.view",
                "prices.view",
                "catalogs.import",
                "billing.approve",
                "billing.receive",
                "billing.close_day",
                "billing.settings",
                "billing.invoice",
                "billing.correct_invoice",
                "reports.view",
                "reports.run",
                "reports.send",
                "reports.duties",
            }
        ),
    ),
    "claims_officer": (
        "Giám định BHYT",
        frozenset(
            {
                "patients.view",
                "billing.view",
                "prices.view",
                "claims.view",
                "claims.build",
                "claims.export",
                "claims.waive",
                "reports.view",
                "reports.run",
                "reports.send",
                "reports.duties",
            }
        ),
    ),
    "manager": (
        "Lãnh đạo",
        frozenset(
            {
                "patients.view",
                "cases.report",
                "pharmacy.view",
                "pharmacy.approve_count",
                "pharmacy.approve_book",
                "pharmacy.settings",
                "billing.view",
                "prices.view",
                "billing.reopen",
                "billing.waive",
                "billing.approve",
                "billing.receive",
                "billing.close_day",
                "billing.settings",
                "billing.invoice",
                "billing.correct_invoice",
                "claims.view",
                "claims.waive",
                "reports.view",
                "reports.run",
                "reports.sign",
                "reports.send",
                "reports.duties",
                "registers.view",
                "registers.sensitive",
                "registers.settings",
                "briefing.view",
                "briefing.lock",
            }
            | {"audit.view"}
        ),
    ),
    "administrator": ("Quản trị", frozenset({"catalogs.import", "prices.view", "accounts.manage", "audit.view"})),
}


def permissions_of(roles: set[str]) -> frozenset[str]:
    """All permissions that a set of role codes gives. Unknown codes give nothing."""
    return frozenset().union(*(ROLES[role][1] for role in roles if role in ROLES))
