"""Filing of reports: checked, signed, sent, withdrawn; what differs from what was filed (docs/filing.md)."""
