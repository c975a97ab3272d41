"""Addresses of the pharmacy package: opaque ids only, identities are sent by POST."""

from django.urls import path

from pharmacy.views import controlled, receipt, stock, window

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
    path("stock/controlled/", controlled.book, name="controlled-book"),
    path("stock/controlled/<int:store_id>/close/", controlled.close, name="controlled-close"),
    path("stock/controlled/pages/<int:pk>/approve/", controlled.approve, name="controlled-approve"),
    path("stock/controlled/pages/<int:pk>.pdf", controlled.book_pdf, name="controlled-book-pdf"),
    path("stock/controlled/year/", controlled.year, name="controlled-year"),
]
