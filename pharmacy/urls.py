"""Addresses of the pharmacy package: opaque ids only, identities are sent by POST."""

from django.urls import path

from pharmacy.views import receipt, stock, stocktake, stocktake_entry, window

urlpatterns = [
    path("dispensing/", window.desk, name="dispensing"),
    path("dispensing/queue/", window.queue, name="dispensing-queue"),
    path("dispensing/find/", window.find, name="dispensing-find"),
    path("dispensing/<int:pk>/", window.open_prescription, name="dispensing-open"),
    path("dispensing/<int:pk>/hand-out/", window.hand_out, name="dispensing-hand-out"),
    path("dispensing/done/<int:pk>/take-back/", window.take_back, name="dispensing-take-back"),
    path("stock/", stock.expiring, name="stock"),
    path("stock/drugs/", stock.drugs, name="stock-drugs"),
    path("stock/drugs/<int:pk>/card/", stock.card, name="stock-card"),
    path("stock/lots/<int:pk>/", stock.lot, name="stock-lot"),
    path("stock/lots/<int:pk>/loss/", stock.lose, name="stock-lot-loss"),
    path("stock/lots/<int:pk>/transfer/", stock.move, name="stock-lot-transfer"),
    path("stock/lots/<int:pk>/block/", stock.block, name="stock-lot-block"),
    path("stock/receipt/", receipt.receipt, name="stock-receipt"),
    path("stock/receipt/drugs/", receipt.drug_options, name="stock-receipt-drugs"),
    path("stock/documents/", stock.document_list, name="stock-documents"),
    path("stock/documents/<int:pk>/", stock.document, name="stock-document"),
    path("stock/documents/<int:pk>/reverse/", stock.reverse_it, name="stock-document-reverse"),
    path("stock/stores/", stock.store_list, name="stock-stores"),
    path("stock/counts/", stocktake.count_list, name="stock-counts"),
    path("stock/counts/new/", stocktake.count_new, name="stock-count-new"),
    path("stock/counts/<int:pk>/", stocktake.count_one, name="stock-count"),
    path("stock/counts/<int:pk>/reasons/", stocktake.reasons, name="stock-count-reasons"),
    path("stock/counts/<int:pk>/approve/", stocktake.approve, name="stock-count-approve"),
    path("stock/counts/<int:pk>/return/", stocktake.give_back, name="stock-count-return"),
    path("stock/counts/<int:pk>/post/", stocktake.post, name="stock-count-post"),
    path("stock/counts/<int:pk>/abandon/", stocktake.abandon, name="stock-count-abandon"),
    path("stock/counts/<int:pk>/upload/", stocktake_entry.upload, name="stock-count-upload"),
    path("stock/counts/<int:pk>/enter/<int:position>/<int:round_no>/", stocktake_entry.entry, name="stock-count-entry"),
    path("stock/counts/<int:pk>/found/<int:position>/", stocktake_entry.found_lot, name="stock-count-found"),
    path("stock/counts/lines/<int:pk>/", stocktake.count_line, name="stock-count-line"),
    path(
        "stock/counts/lines/<int:pk>/enter/<int:position>/<int:round_no>/",
        stocktake_entry.entry_line,
        name="stock-count-entry-line",
    ),
]
