"""Papers of the pharmacy: labels, count sheets and the record of a stock-take, as PDF and as spreadsheets."""
