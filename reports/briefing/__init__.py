"""The morning briefing (báo cáo giao ban): what each department did from 07:00 to 07:00."""
