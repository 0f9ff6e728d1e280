"""Addresses of the pages of reconciliation, a block a subject. A page lives in `reconciliation/views/<subject>.py`."""

from __future__ import annotations

from django.urls import path

from reconciliation.views import (
    announcements,
    banks,
    breaks,
    closes,
    columns,
    exports,
    mappings,
    matches,
    proofs,
    rules,
    statements,
    workbench,
)

app_name = "reconciliation"
urlpatterns = [
    path("bank/", banks.Home.as_view(), name="home"),
    path("bank/accounts/<id:account_id>/", banks.AccountDetail.as_view(), name="account"),
    path("bank/accounts/<id:account_id>/match/", banks.RunMatching.as_view(), name="match"),
    path("bank/accounts/<id:account_id>/proofs/", proofs.DailyProofs.as_view(), name="proofs"),
    path("bank/accounts/<id:account_id>/proofs/day/", proofs.ProofOfDay.as_view(), name="proof"),
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
    path("bank/accounts/<id:account_id>/workbench/", workbench.Workbench.as_view(), name="workbench"),
    path("bank/matches/<id:match_id>/", matches.MatchDetail.as_view(), name="one-match"),
    path("bank/matches/<id:match_id>/undo/", matches.UndoMatch.as_view(), name="undo-match"),
    path("bank/matches/<id:match_id>/split/", matches.SplitMatch.as_view(), name="split-match"),
    path("bank/suggestions/<id:suggestion_id>/accept/", matches.AcceptSuggestion.as_view(), name="accept-suggestion"),
    path(
        "bank/suggestions/<id:suggestion_id>/dismiss/", matches.DismissSuggestion.as_view(), name="dismiss-suggestion"
    ),
    path("bank/ignored/", workbench.IgnoredList.as_view(), name="ignored"),
    path("bank/ignored/<id:ignored_id>/take-up/", workbench.TakeUp.as_view(), name="unignore"),
    path("bank/rules/", rules.RuleList.as_view(), name="rules"),
    path("bank/rules/new/", rules.MakeRules.as_view(), name="make-rules"),
    path("bank/aliases/", rules.AliasList.as_view(), name="aliases"),
    path("bank/aliases/<id:alias_id>/retire/", rules.RetireAlias.as_view(), name="retire-alias"),
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
