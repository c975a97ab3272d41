"""Addresses of the reports desk."""

from django.urls import URLPattern, path

from reports.views import desk, figures, reconciling

urlpatterns: list[URLPattern] = [
    path("", desk.reports, name="reports"),
    path("reconcile/", reconciling.reconciliations, name="reconciliations"),
    path("<int:pk>/", desk.report, name="report-run"),
    path("<int:pk>/rows/<int:number>/", desk.report_row, name="report-row"),
    path("<int:pk>/rows/<int:number>/<str:tag>/", figures.report_figure, name="report-figure"),
    path("visits/<str:code>/", figures.report_visit, name="report-visit"),
    path("<int:pk>/files/<str:kind>/", desk.report_file, name="report-file"),
]
