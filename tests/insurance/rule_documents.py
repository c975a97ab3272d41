"""Sound sample rows of the programme and document tables, of the invented inpatient visit of `rule_claims`."""

DOCUMENTS: dict[str, dict[str, str]] = {
    "XML7": {
        "SO_LUU_TRU": "26.000017",
        "MA_YTE": "26.000017",
        "MA_KHOA_RV": "K03",
        "NGAY_VAO": "202608030805",
        "NGAY_RA": "202608061000",
        "MA_DINH_CHI_THAI": "0",
        "CHAN_DOAN_RV": "Viêm ruột thừa cấp",
        "PP_DIEUTRI": "Phẫu thuật cắt ruột thừa, kháng sinh",
        "GHI_CHU": "Thay băng hằng ngày",
        "MA_TTDV": "000001/ZZ-GPHN",
        "MA_BS": "000017/ZZ-GPHN",
        "TEN_BS": "Lê Văn Ví",
        "NGAY_CT": "20260806",
    },
    "XML8": {
        "MA_LOAI_KCB": "03",
        "NGAY_VAO": "202608030805",
        "NGAY_RA": "202608061000",
        "CHAN_DOAN_VAO": "Viêm ruột thừa cấp",
        "CHAN_DOAN_RV": "Viêm ruột thừa cấp",
        "QT_BENHLY": "Đau hố chậu phải một ngày, sốt nhẹ",
        "TOMTAT_KQ": "Bạch cầu 12,4 G/L",
        "PP_DIEUTRI": "Phẫu thuật cắt ruột thừa, kháng sinh",
        "KET_QUA_DTRI": "2",
        "MA_TTDV": "000001/ZZ-GPHN",
        "NGAY_CT": "20260806",
    },
}
