"""Addresses of the pharmacy package: opaque ids only, identities are sent by POST."""

from django.urls import path

from pharmacy.views import documents, drafts, handovers, requests, stock, window

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
    path("stock/lots/<int:pk>/block/", stock.block, name="stock-lot-block"),
    path("stock/new/", drafts.choose, name="stock-new"),
    path("stock/new/start/", drafts.start, name="stock-draft-start"),
    path("stock/drafts/<int:pk>/", drafts.edit, name="stock-draft"),
    path("stock/drafts/<int:pk>/keep/", drafts.autosave, name="stock-draft-keep"),
    path("stock/drafts/<int:pk>/post/", drafts.post, name="stock-draft-post"),
    path("stock/drafts/<int:pk>/discard/", drafts.discard, name="stock-draft-discard"),
    path("stock/options/drugs/", drafts.drug_options, name="stock-drug-options"),
    path("stock/options/lots/", drafts.lot_options, name="stock-lot-options"),
    path("stock/documents/", documents.document_list, name="stock-documents"),
    path("stock/documents/<int:pk>/", documents.document, name="stock-document"),
    path("stock/documents/<int:pk>/reverse/", documents.reverse_it, name="stock-document-reverse"),
    path("stock/transit/", documents.transit_list, name="stock-transit"),
    path("stock/requests/", requests.inbox, name="stock-requests"),
    path("stock/requests/new/", requests.write, name="stock-request-new"),
    path("stock/requests/<int:pk>/", requests.show, name="stock-request"),
    path("stock/requests/<int:pk>/edit/", requests.write, name="stock-request-edit"),
    path("stock/requests/<int:pk>/<slug:what>/", requests.act, name="stock-request-act"),
    path("stock/handovers/", handovers.handover_list, name="stock-handovers"),
    path("stock/handovers/<int:pk>/", handovers.handover, name="stock-handover"),
    path("stock/cabinets/<int:pk>/hand-over/", handovers.hand_over, name="stock-hand-over"),
    path("stock/stores/", stock.store_list, name="stock-stores"),
]
