"""Addresses of the pharmacy package: opaque ids only, identities are sent by POST."""

from django.urls import path

from pharmacy.views import receipt, stock, window, window_tasks

urlpatterns = [
    path("dispensing/", window.desk, name="dispensing"),
    path("dispensing/queue/", window.queue, name="dispensing-queue"),
    path("dispensing/find/", window.find, name="dispensing-find"),
    path("dispensing/next/", window_tasks.next_patient, name="dispensing-next"),
    path("dispensing/auto/", window_tasks.auto_next, name="dispensing-auto"),
    path("dispensing/board/", window_tasks.board, name="dispensing-board"),
    path("dispensing/board/numbers/", window_tasks.board_numbers, name="dispensing-board-numbers"),
    path("dispensing/<int:pk>/", window.open_prescription, name="dispensing-open"),
    path("dispensing/<int:pk>/hand-out/", window.hand_out, name="dispensing-hand-out"),
    path("dispensing/<int:pk>/call/", window_tasks.call, name="dispensing-call"),
    path("dispensing/<int:pk>/absent/", window_tasks.absent, name="dispensing-absent"),
    path("dispensing/<int:pk>/send-back/", window_tasks.refuse, name="dispensing-send-back"),
    path("dispensing/<int:pk>/withdraw/", window_tasks.withdraw, name="dispensing-withdraw"),
    path("dispensing/<int:pk>/leave-out/", window_tasks.leave, name="dispensing-leave-out"),
    path("dispensing/left-out/<int:pk>/reopen/", window_tasks.reopen, name="dispensing-reopen"),
    path("dispensing/done/<int:pk>/counsel/", window_tasks.tell, name="dispensing-counsel"),
    path("dispensing/done/<int:pk>/return/", window_tasks.take_return, name="dispensing-return"),
    path("dispensing/returns/<int:pk>/undo/", window_tasks.undo_return, name="dispensing-return-undo"),
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
]
