"""Electronic invoices: made of cash entries, queued, sent to a provider, corrected. docs/invoices.md"""
