"""Where the rows of reports come from: a closed set of data sets by name."""

from reports.datasets.adjustments import adjustments, explain_adjustment
from reports.datasets.bank import bank_list, explain_bank_row
from reports.datasets.base import Dataset, Query, Row, Source
from reports.datasets.cash import (
    debt_list,
    explain_account,
    explain_invoice,
    held_deposit_list,
    invoice_list,
    payments,
    reversals,
)
from reports.datasets.catalog import catalog, explain_catalog_row
from reports.datasets.grid import explain_row, grid
from reports.datasets.items import claimed_items, explain_item_visits
from reports.datasets.planning import bid_use, differing_prices, near_expiry, purchase_proposal
from reports.datasets.settlement import explain_settlement, settlement
from reports.datasets.stock import explain_item, stock_flow, stock_usage
from reports.datasets.visits import claim_summaries, explain_visit, settled_visits

SOURCES: dict[str, Source] = {
    "settled_visits": Source(settled_visits, explain_visit, claim_summaries, is_of_visits=True),
    "adjustments": Source(adjustments, explain_adjustment),
    "stock_flow": Source(stock_flow, explain_item),
    "claimed_items": Source(claimed_items, explain_item_visits),
    "catalog": Source(catalog, explain_catalog_row),
    "settlement": Source(settlement, explain_settlement),
    "near_expiry": Source(near_expiry, explain_item),
    "bid_use": Source(bid_use, explain_item),
    "differing_prices": Source(differing_prices, explain_item),
    "purchase_proposal": Source(purchase_proposal, explain_item),
    "stock_usage": Source(stock_usage, explain_item),
    "debts": Source(debt_list, explain_account),
    "held_deposits": Source(held_deposit_list, explain_account),
    "reversals": Source(reversals, explain_account),
    "payments": Source(payments, explain_account),
    "bank": Source(bank_list, explain_bank_row),
    "invoices": Source(invoice_list, explain_invoice),
    "grid": Source(grid, explain_row, is_of_visits=True),
}

__all__ = ["SOURCES", "Dataset", "Query", "Row", "Source"]
