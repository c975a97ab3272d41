"""Addresses of the reports desk."""

from django.urls import URLPattern, path

from reports.views import bank, calendar, comparing, desk, figures, filing, listing, reconciling

urlpatterns: list[URLPattern] = [
    path("", desk.reports, name="reports"),
    path("calendar/", calendar.calendar, name="report-calendar"),
    path("calendar/ticks/<int:pk>/undo/", calendar.untick, name="report-untick"),
    path("calendar/<str:code>/<str:start>/", calendar.duty, name="report-duty"),
    path("calendar/<str:code>/<str:start>/tick/", calendar.tick, name="report-tick"),
    path("calendar/<str:code>/<str:start>/assign/", calendar.assign, name="report-assign"),
    path("reconcile/", reconciling.reconciliations, name="reconciliations"),
    path("bank/", bank.bank, name="bank"),
    path("bank/import/", bank.bank_import, name="bank-import"),
    path("bank/rematch/", bank.bank_rematch, name="bank-rematch"),
    path("bank/lines/<int:pk>/match/", bank.bank_match, name="bank-match"),
    path("bank/matches/<int:pk>/undo/", bank.bank_unmatch, name="bank-unmatch"),
    path("lists/<str:form>/<str:month>/", listing.report_list, name="report-list"),
    path("lists/<str:form>/<str:month>/file/", listing.report_list_file, name="report-list-file"),
    path("<int:pk>/", desk.report, name="report-run"),
    path("<int:pk>/rows/<int:number>/", desk.report_row, name="report-row"),
    path("<int:pk>/rows/<int:number>/<str:tag>/", figures.report_figure, name="report-figure"),
    path("<int:pk>/check/", filing.check, name="report-check"),
    path("<int:pk>/findings/<int:number>/", filing.filing_check, name="report-filing-check"),
    path("<int:pk>/compare/", comparing.comparison, name="report-compare"),
    path("<int:pk>/compare/<str:code>/", comparing.compared_visit, name="report-compared-visit"),
    path("filings/<int:pk>/sign/", filing.sign, name="filing-sign"),
    path("filings/<int:pk>/send/", filing.send, name="filing-send"),
    path("filings/<int:pk>/withdraw/", filing.withdraw, name="filing-withdraw"),
    path("visits/<str:code>/", figures.report_visit, name="report-visit"),
    path("<int:pk>/files/<str:kind>/", desk.report_file, name="report-file"),
]
