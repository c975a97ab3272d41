"""The rows and figures of the audit list in words, and one action (`actions`)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from his.accounts.roles import ROLES
from his.audit.actions import ACTIONS
from his.printing.services import form_title
from his.ui.text import day_text, money_text

OBJECTS: Final[dict[str, str]] = {
    "his.department": "Khoa",
    "his.drug": "Thuốc, vật tư",
    "his.facility": "Cơ sở",
    "his.facilitygroup": "Nhóm cơ sở",
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
    "patients.bedstay": "Giường",
    "patients.diseasecase": "Ca bệnh truyền nhiễm",
    "patients.exam": "Phiếu khám",
    "patients.healthfacts": "Tình trạng người bệnh",
    "patients.insurancecard": "Thẻ BHYT",
    "patients.managedpatient": "Quản lý bệnh mạn tính",
    "patients.nationallink": "Liên thông đơn thuốc",
    "patients.patient": "Người bệnh",
    "patients.patientallergy": "Dị ứng",
    "patients.prescription": "Đơn thuốc",
    "patients.prescriptionrefusal": "Việc trả đơn",
    "patients.prescriptionsending": "Gửi đơn quốc gia",
    "patients.queueticket": "Số chờ",
    "patients.serviceorder": "Chỉ định",
    "patients.visit": "Lượt khám",
    "patients.vitalsigns": "Sinh tồn",
    "pharmacy.cabinethandover": "Bàn giao tủ trực",
    "pharmacy.climatepoint": "Điểm theo dõi nhiệt độ",
    "pharmacy.climatereading": "Lần đo nhiệt độ",
    "pharmacy.controlledincident": "Báo cáo đột xuất",
    "pharmacy.counselling": "Tư vấn",
    "pharmacy.dispense": "Phiếu cấp phát",
    "pharmacy.lot": "Lô thuốc",
    "pharmacy.notgiven": "Phần không cấp",
    "pharmacy.ownapprovalrule": "Quy định tự duyệt phiếu lĩnh",
    "pharmacy.patientreturn": "Phiếu trả lại thuốc",
    "pharmacy.quarantinedlot": "Lô cách ly",
    "pharmacy.stockcount": "Kiểm kê",
    "pharmacy.stockcountentry": "Số đếm",
    "pharmacy.stockcountline": "Dòng kiểm kê",
    "pharmacy.stockcountupload": "Phiếu đếm",
    "pharmacy.stockdocument": "Chứng từ kho",
    "pharmacy.stockdraft": "Phiếu nháp kho",
    "pharmacy.stockrequest": "Phiếu lĩnh",
    "pharmacy.store": "Kho",
    "pharmacy.windowcall": "Lượt gọi",
    "reports.bankmatch": "Khớp sao kê",
    "reports.bankstatement": "Sao kê ngân hàng",
    "reports.briefing": "Báo cáo giao ban",
    "reports.dutyowner": "Người làm báo cáo",
    "reports.dutytick": "Việc báo cáo đã làm",
    "reports.filing": "Báo cáo nộp",
    "reports.reconciliation": "Đối chiếu số liệu",
    "reports.registerentry": "Dòng sổ",
    "reports.registersetting": "Cách đánh số sổ",
    "reports.reportrun": "Báo cáo",
}

# Only these figures are shown: who reads the audit list need not have the right to see diagnoses or drugs.
FACTS: Final[dict[str, str]] = {
    "added": "thêm",
    "amount": "số tiền",
    "bed": "giường",
    "built": "đã lập",
    "by": "bởi",
    "changed": "đổi",
    "claim_code": "mã lượt",
    "claims": "hồ sơ",
    "closed": "kết thúc",
    "code": "mã",
    "copy": "bản",
    "counted": "đếm được",
    "department": "khoa",
    "document": "chứng từ",
    "errors": "lỗi",
    "exam_service_code": "công khám",
    "expected": "theo sổ",
    "fields": "mục sửa",
    "findings": "cảnh báo",
    "first_day": "từ ngày",
    "form": "biểu mẫu",
    "group": "nhóm",
    "ingredients": "hoạt chất",
    "insured": "BHYT",
    "is_active": "đang dùng",
    "is_allowed": "cho phép",
    "items": "mặt hàng",
    "kind": "loại",
    "last_day": "ngày cuối",
    "leader": "cơ sở đứng đầu",
    "licence_no": "giấy phép",
    "lines": "số dòng",
    "lot": "lô",
    "members": "số cơ sở",
    "month": "tháng",
    "not_checked": "chưa kiểm tra được",
    "number": "số",
    "own_request": "phiếu của chính mình",
    "period": "kỳ",
    "points": "điểm",
    "prescription": "đơn",
    "read": "đọc",
    "reason": "lý do",
    "register": "sổ",
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
_DAYS = ("since", "first_day", "last_day")


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
    if name == "form":
        return form_title(text)
    try:
        if name in _AMOUNTS:
            return money_text(Decimal(text))
        return day_text(date.fromisoformat(text)) if name in _DAYS else text
    except (InvalidOperation, ValueError):
        return text
