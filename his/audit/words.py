"""The actions, rows and figures of the audit list in words."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from his.accounts.roles import ROLES
from his.ui.text import day_text, money_text

ACTIONS: Final[dict[str, str]] = {
    "accounts.add_account": "Lập tài khoản",
    "accounts.add_department": "Thêm khoa",
    "accounts.add_facility": "Khai báo cơ sở",
    "accounts.add_room": "Thêm phòng",
    "accounts.add_staff": "Thêm nhân viên",
    "accounts.deactivate_account": "Ngừng tài khoản",
    "accounts.end_staff": "Đặt ngày nghỉ của nhân viên",
    "accounts.link_staff": "Gắn tài khoản với nhân viên",
    "accounts.reactivate_account": "Mở lại tài khoản",
    "accounts.rename_account": "Đổi họ tên tài khoản",
    "accounts.reset_password": "Đặt lại mật khẩu",
    "accounts.set_roles": "Đổi vai trò",
    "accounts.set_tier": "Ghi xếp cấp chuyên môn",
    "accounts.update_account": "Sửa tài khoản",
    "accounts.update_department": "Sửa khoa",
    "accounts.update_facility": "Sửa thông tin cơ sở",
    "accounts.update_room": "Sửa phòng",
    "accounts.update_staff": "Sửa nhân viên",
    "billing.aggregate_invoices": "Lập hóa đơn tổng hợp",
    "billing.cancel_waiver": "Hủy miễn giảm",
    "billing.choose_self_pay": "Chuyển khoản chi sang tự trả",
    "billing.close_day": "Khóa sổ ngày",
    "billing.close_session": "Chốt ca thu",
    "billing.close_visit": "Chốt chi phí lượt khám",
    "billing.collect": "Thu tiền",
    "billing.correct_due_invoices": "Lập hóa đơn điều chỉnh do hoàn tiền",
    "billing.correct_invoice": "Điều chỉnh, thay thế hóa đơn",
    "billing.decide_refund": "Quyết định giấy đề nghị hoàn tiền",
    "billing.declare_invoices": "Khai báo hóa đơn điện tử",
    "billing.grant_waiver": "Miễn giảm viện phí",
    "billing.issue_invoice": "Lập hóa đơn theo yêu cầu",
    "billing.mend_invoice": "Sửa hóa đơn bị từ chối",
    "billing.notify_invoice_error": "Thông báo sai sót hóa đơn",
    "billing.open_session": "Mở ca thu",
    "billing.print_day_report": "In báo cáo thu tiền trong ngày",
    "billing.print_receipt": "In phiếu thu",
    "billing.print_session_report": "In báo cáo ca thu",
    "billing.print_settlement": "In quyết toán viện phí",
    "billing.print_statement": "In bảng kê chi phí",
    "billing.pull_charges": "Lấy chi phí",
    "billing.receive_drawer": "Nhận bàn giao ca thu",
    "billing.record_invoice_answer": "Ghi số hóa đơn đã phát hành",
    "billing.record_invoice_failure": "Ghi lần gửi hóa đơn không thành",
    "billing.record_invoice_notice": "Ghi kết quả gửi thông báo sai sót",
    "billing.refund": "Hoàn tiền",
    "billing.reopen_visit": "Mở lại lượt khám đã chốt",
    "billing.withdraw_self_pay": "Tính BHYT trở lại cho khoản tự trả",
    "billing.request_refund": "Đề nghị hoàn tiền",
    "billing.request_transfer": "Lập mã QR chuyển khoản",
    "billing.set_bank_account": "Khai báo tài khoản nhận chuyển khoản",
    "billing.set_cash_rules": "Đặt quy định thu ngân",
    "billing.take_deposit": "Thu tạm ứng",
    "billing.use_deposits": "Bù tạm ứng",
    "billing.void_entry": "Hủy phiếu thu, phiếu tạm ứng",
    "catalogs.attributes": "Sửa thuộc tính thuốc, vật tư",
    "catalogs.control_class": "Xác nhận thuốc kiểm soát đặc biệt",
    "catalogs.control_classes": "Xác nhận đề xuất kiểm soát đặc biệt",
    "catalogs.import": "Nhập danh mục của cơ sở",
    "catalogs.import_file": "Nhập danh mục tại máy chủ",
    "catalogs.ingredients": "Ghi hoạt chất, hàm lượng",
    "catalogs.ingredients_again": "Đọc lại hoạt chất từ danh mục",
    "claims.build_claim": "Lập hồ sơ BHYT",
    "claims.build_month": "Lập hồ sơ BHYT cả tháng",
    "claims.check_month": "So các hồ sơ BHYT của tháng",
    "claims.export_month": "Xuất hồ sơ BHYT",
    "claims.revoke_waiver": "Thôi bỏ qua lỗi hồ sơ BHYT",
    "claims.start_build": "Bắt đầu lập hồ sơ BHYT cả tháng",
    "claims.start_export": "Bắt đầu xuất hồ sơ BHYT",
    "claims.waive_cause": "Bỏ qua lỗi hồ sơ BHYT cùng nguyên nhân",
    "claims.waive_finding": "Bỏ qua lỗi hồ sơ BHYT",
    "demo.load_day": "Nạp ngày thử",
    "demo.load_month": "Nạp tháng thử",
    "patients.add_card": "Thêm thẻ BHYT",
    "patients.amend_exam": "Bổ sung phiếu khám đã ký",
    "patients.call_next": "Gọi người kế tiếp",
    "patients.call_ticket": "Gọi số",
    "patients.cancel_order": "Hủy chỉ định",
    "patients.cancel_visit": "Hủy lượt khám",
    "patients.end_allergy": "Bỏ dị ứng đã ghi",
    "patients.end_waiting": "Kết thúc chờ phòng khám tiếp",
    "patients.mark_closed": "Đánh dấu đã chốt",
    "patients.mark_reopened": "Đánh dấu mở lại",
    "patients.open_visit": "Mở lượt khám",
    "patients.order_service": "Chỉ định dịch vụ",
    "patients.prescribe": "Kê đơn",
    "patients.print_prescription": "In đơn thuốc",
    "patients.replace_prescription": "Thay đơn thuốc",
    "patients.print_commitment": "In cam kết sử dụng thuốc gây nghiện",
    "patients.print_return_record": "In biên bản nhận lại thuốc",
    "patients.print_ticket": "In phiếu số thứ tự",
    "patients.receive": "Tiếp đón",
    "patients.record_allergy": "Ghi dị ứng",
    "patients.record_health_facts": "Ghi tình trạng thai, thận",
    "patients.record_result": "Nhập kết quả",
    "patients.record_vitals": "Ghi dấu hiệu sinh tồn",
    "patients.register": "Đăng ký người bệnh",
    "patients.save_exam": "Lưu phiếu khám",
    "patients.send_on": "Chuyển phòng khám",
    "patients.set_diagnoses": "Ghi chẩn đoán",
    "patients.sign_exam": "Ký phiếu khám",
    "patients.skip_ticket": "Bỏ qua số",
    "patients.start_exam": "Bắt đầu khám",
    "patients.update": "Sửa thông tin người bệnh",
    "patients.write_note": "Ghi diễn biến",
    "pharmacy.block_lot": "Khóa lô",
    "pharmacy.create_store": "Lập kho",
    "pharmacy.close_book": "Khóa, ký sổ thuốc kiểm soát đặc biệt",
    "pharmacy.approve_book": "Người đứng đầu ký sổ thuốc kiểm soát đặc biệt",
    "pharmacy.print_book": "In sổ thuốc kiểm soát đặc biệt",
    "pharmacy.print_controlled_year": "In báo cáo thuốc kiểm soát đặc biệt",
    "pharmacy.dispense": "Cấp phát thuốc",
    "pharmacy.loss": "Ghi hao hụt",
    "pharmacy.post": "Ghi sổ kho",
    "pharmacy.receive": "Nhập kho",
    "pharmacy.release": "Bỏ giữ thuốc",
    "pharmacy.release_lapsed": "Bỏ giữ thuốc quá hạn",
    "pharmacy.release_lot": "Mở khóa lô",
    "pharmacy.reserve": "Giữ thuốc theo đơn",
    "pharmacy.reverse": "Hủy chứng từ kho",
    "pharmacy.reverse_dispense": "Hủy cấp phát",
    "pharmacy.reverse_step": "Ghi sổ hủy chứng từ",
    "pharmacy.set_storage": "Khai báo điều kiện bảo quản của kho",
    "pharmacy.transfer": "Chuyển kho",
    "printing.print_form": "In biểu mẫu",
    "reports.export": "Xuất báo cáo",
    "reports.reconcile": "Đối chiếu số liệu",
    "reports.run": "Lập báo cáo",
}

OBJECTS: Final[dict[str, str]] = {
    "his.department": "Khoa",
    "his.drug": "Thuốc, vật tư",
    "his.facility": "Cơ sở",
    "his.facilitystatus": "Xếp cấp",
    "his.room": "Phòng",
    "his.staff": "Nhân viên",
    "his.user": "Tài khoản",
    "insurance.benefitresult": "Kết quả chi phí",
    "insurance.cashentry": "Phiếu thu",
    "insurance.cashsession": "Ca thu",
    "insurance.claim": "Hồ sơ BHYT",
    "insurance.invoice": "Hóa đơn",
    "insurance.invoicenotice": "Thông báo sai sót",
    "insurance.invoiceprofile": "Khai báo hóa đơn",
    "patients.exam": "Phiếu khám",
    "patients.healthfacts": "Tình trạng người bệnh",
    "patients.insurancecard": "Thẻ BHYT",
    "patients.patient": "Người bệnh",
    "patients.patientallergy": "Dị ứng",
    "patients.prescription": "Đơn thuốc",
    "patients.queueticket": "Số chờ",
    "patients.serviceorder": "Chỉ định",
    "patients.visit": "Lượt khám",
    "patients.vitalsigns": "Sinh tồn",
    "pharmacy.dispense": "Phiếu cấp phát",
    "pharmacy.lot": "Lô thuốc",
    "pharmacy.stockdocument": "Chứng từ kho",
    "pharmacy.store": "Kho",
    "reports.reconciliation": "Đối chiếu số liệu",
    "reports.reportrun": "Báo cáo",
}

# Only these figures are shown: who reads the audit list need not have the right to see diagnoses or drugs.
FACTS: Final[dict[str, str]] = {
    "added": "thêm",
    "amount": "số tiền",
    "built": "đã lập",
    "by": "bởi",
    "changed": "đổi",
    "claim_code": "mã lượt",
    "claims": "hồ sơ",
    "closed": "kết thúc",
    "code": "mã",
    "copy": "bản",
    "counted": "đếm được",
    "document": "chứng từ",
    "errors": "lỗi",
    "exam_service_code": "công khám",
    "expected": "theo sổ",
    "fields": "mục sửa",
    "findings": "cảnh báo",
    "form": "biểu mẫu",
    "ingredients": "hoạt chất",
    "insured": "BHYT",
    "is_active": "đang dùng",
    "items": "mặt hàng",
    "kind": "loại",
    "last_day": "ngày cuối",
    "licence_no": "giấy phép",
    "lines": "số dòng",
    "lot": "lô",
    "month": "tháng",
    "not_checked": "chưa kiểm tra được",
    "number": "số",
    "period": "kỳ",
    "points": "điểm",
    "prescription": "đơn",
    "read": "đọc",
    "reason": "lý do",
    "reverses": "hủy",
    "roles": "vai trò",
    "room": "phòng",
    "rows": "số dòng",
    "since": "từ ngày",
    "source": "tệp",
    "ticket": "số chờ",
    "tier": "cấp",
    "unchanged": "giữ nguyên",
    "username": "tài khoản",
    "version": "phiên bản",
    "visits": "lượt",
    "warnings": "cảnh báo",
}
_AMOUNTS = ("amount", "counted", "expected")
_DAYS = ("since", "last_day")


def action_vi(action: str) -> str:
    """The action in words; its code when there are none yet."""
    return ACTIONS.get(action, action)


def object_vi(object_type: str) -> str:
    """The kind of row in words; its code when there are none yet."""
    return OBJECTS.get(object_type, object_type)


def facts_vi(facts: Mapping[str, Any]) -> list[str]:
    """The figures of an entry in words; those without words are not shown."""
    return [f"{FACTS[name]} {_written(name, facts[name])}" for name in facts if name in FACTS and _tells(facts[name])]


def _tells(value: Any) -> bool:
    return value not in (None, "", "None")


def _written(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "có" if value else "không"
    text = str(value)
    if name == "roles":
        return ", ".join(ROLES[role][0] if role in ROLES else role for role in text.split(","))
    try:
        if name in _AMOUNTS:
            return money_text(Decimal(text))
        return day_text(date.fromisoformat(text)) if name in _DAYS else text
    except (InvalidOperation, ValueError):
        return text
