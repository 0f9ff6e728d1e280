"""Addresses of the pages of reconciliation, a block a subject. A page lives in `reconciliation/views/<subject>.py`."""

from __future__ import annotations

from django.urls import path

from reconciliation.views import announcements, banks, breaks, closes, columns, exports, mappings, statements

app_name = "reconciliation"
urlpatterns = [
    path("bank/", banks.Home.as_view(), name="home"),
    path("bank/accounts/<id:account_id>/", banks.AccountDetail.as_view(), name="account"),
    path("bank/accounts/<id:account_id>/match/", banks.RunMatching.as_view(), name="match"),
    path("bank/imports/", statements.Imports.as_view(), name="imports"),
    path("bank/imports/<id:import_id>/", statements.ImportDetail.as_view(), name="import"),
    path("bank/maps/", columns.ColumnMapList.as_view(), name="column-maps"),
    path("bank/maps/new/", columns.MakeColumnMap.as_view(), name="make-column-map"),
    path("bank/maps/<id:map_id>/", columns.ReadByMap.as_view(), name="column-map"),
    path("bank/announcements/", announcements.AnnouncementList.as_view(), name="announcements"),
    path(
        "bank/announcements/<id:announcement_id>/dismiss/",
        announcements.DismissAnnouncement.as_view(),
        name="dismiss-announcement",
    ),
    path("bank/statements/<id:statement_id>/", statements.StatementDetail.as_view(), name="statement"),
    path("bank/breaks/", breaks.BreakList.as_view(), name="breaks"),
    path("bank/breaks/<id:break_id>/", breaks.BreakDetail.as_view(), name="break"),
    path("bank/breaks/<id:break_id>/assign/", breaks.AssignBreak.as_view(), name="assign-break"),
    path("bank/breaks/<id:break_id>/due/", breaks.MoveDue.as_view(), name="due-break"),
    path("bank/breaks/<id:break_id>/comment/", breaks.CommentBreak.as_view(), name="comment-break"),
    path("bank/breaks/<id:break_id>/close/", breaks.CloseBreak.as_view(), name="close-break"),
    path("bank/matches/<id:match_id>/undo/", breaks.UndoMatch.as_view(), name="undo-match"),
    path("exports/", exports.BatchList.as_view(), name="exports"),
    path("exports/new/", exports.Build.as_view(), name="build-export"),
    path("exports/mappings/", mappings.Mappings.as_view(), name="mappings"),
    path("exports/mappings/publish/", mappings.PublishMapping.as_view(), name="publish-mapping"),
    path("exports/<id:batch_id>/", exports.BatchDetail.as_view(), name="export"),
    path("exports/<id:batch_id>/files/", exports.Download.as_view(), name="export-files"),
    path("exports/<id:batch_id>/acknowledge/", exports.Acknowledge.as_view(), name="acknowledge-export"),
    path("exports/<id:batch_id>/withdraw/", exports.Withdraw.as_view(), name="withdraw-export"),
    path("closes/", closes.CloseList.as_view(), name="closes"),
    path("closes/new/", closes.MakeClose.as_view(), name="make-close"),
    path("closes/<id:close_id>/", closes.CloseDetail.as_view(), name="close"),
    path("closes/<id:close_id>/reopen/", closes.Reopen.as_view(), name="reopen"),
]
