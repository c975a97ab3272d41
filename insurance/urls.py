"""Addresses of the insurance package: opaque ids only, identities are sent by POST."""

from django.urls import path

from insurance.views import cash_desk, cashier, claims, claims_compare, claims_jobs, claims_waive, file_check

urlpatterns = [
    path("cashier/", cashier.desk, name="cashier"),
    path("cashier/list/", cashier.waiting, name="cashier-list"),
    path("cashier/find/", cashier.find, name="cashier-find"),
    path("cashier/<int:pk>/", cashier.open_visit, name="cashier-visit"),
    path("cashier/<int:pk>/checks/", cashier.checks, name="cashier-checks"),
    path("cashier/<int:pk>/close/", cashier.close, name="cashier-close"),
    path("cashier/<int:pk>/collect/", cashier.take, name="cashier-collect"),
    path("cashier/<int:pk>/reopen/", cashier.reopen, name="cashier-reopen"),
    path("cashier/<int:pk>/waive/", cashier.waive, name="fee-waiver-grant"),
    path("cashier/<int:pk>/self-pay/", cashier.pay_alone, name="self-pay-choose"),
    path("cashier/self-pay/<int:pk>/withdraw/", cashier.pay_by_fund, name="self-pay-withdraw"),
    path("cashier/waivers/<int:pk>/cancel/", cashier.cancel_waived, name="fee-waiver-cancel"),
    path("cashier/receipts/", cash_desk.receipts, name="cashier-receipts"),
    path("cashier/receipts/<int:pk>/refund/", cashier.give_back, name="cashier-refund"),
    path("cashier/debts/", cash_desk.debts, name="cashier-debts"),
    path("cashier/drawer/", cash_desk.session, name="cashier-session"),
    path("cashier/drawer/<int:pk>/count/", cash_desk.count, name="cashier-session-count"),
    path("cashier/drawer/<int:pk>/close/", cash_desk.close, name="cashier-session-close"),
    path("claims/", claims.screen, name="claims"),
    path("claims/build/", claims_jobs.build_all, name="claims-build-month"),
    path("claims/export/", claims_jobs.export, name="claims-export"),
    path("claims/check/", file_check.hand_in, name="claims-check"),
    path("claims/check/<uuid:token>/", file_check.show, name="claims-check-result"),
    path("claims/check/<uuid:token>/progress/", file_check.progress, name="claims-check-progress"),
    path("claims/check/<uuid:token>/findings.<str:form>", file_check.download, name="claims-check-list"),
    path("claims/check/<uuid:token>/discard/", file_check.throw_away, name="claims-check-discard"),
    path("claims/jobs/<int:pk>/", claims_jobs.job, name="claims-job"),
    path("claims/jobs/<int:pk>/file/", claims_jobs.download_zip, name="claims-zip"),
    path("claims/waive/", claims_waive.waive_all, name="claims-waive-all"),
    path("claims/findings/<int:pk>/waive/", claims_waive.waive, name="claims-waive"),
    path("claims/waivers/<int:pk>/revoke/", claims_waive.revoke, name="claims-revoke"),
    path("claims/<int:pk>/build/", claims.build_one, name="claims-build"),
    path("claims/<int:pk>/compare/", claims_compare.compare_versions, name="claims-compare"),
    path("claims/<int:pk>/file/", claims.download, name="claims-xml"),
]
