"""Wake-ups and sweeps of payments. Nothing imports this module."""

from __future__ import annotations

from celery import shared_task

from payments import (
    attempts,
    deposit_sweeps,
    disbursing,
    disputes,
    forewarnings,
    inbound,
    messages,
    missed_webhooks,
    recovery_steps,
    refunds,
    sandbox_webhooks,
    validations,
)
from payments.ach import files, receiving, settling, watching


@shared_task(name="payments.submit")
def submit(attempt_id: str) -> None:
    attempts.submit(attempt_id)


@shared_task(name="payments.submit_refund")
def submit_refund(refund_id: str) -> None:
    refunds.submit(refund_id)


@shared_task(name="payments.answer_dispute")
def answer_dispute(dispute_id: str) -> None:
    disputes.answer(dispute_id)


@shared_task(name="payments.process_inbound")
def process_inbound(event_id: str) -> None:
    inbound.process(event_id)


@shared_task(name="payments.place_deposit")
def place_deposit(deposit_id: str) -> None:
    deposit_sweeps.place(deposit_id)
    deposit_sweeps.clear()


@shared_task(name="payments.clear_deposits")
def clear_deposits() -> None:
    deposit_sweeps.clear()


@shared_task(name="payments.sweep")
def sweep() -> None:
    attempts.sweep()
    refunds.sweep()
    disputes.sweep()
    deposit_sweeps.sweep(older=deposit_sweeps.LEFT_ALONE)
    validations.sweep()


@shared_task(name="payments.sweep_ach")
def sweep_ach() -> None:
    files.build_due()
    settling.settle_due()
    receiving.resume()


@shared_task(name="payments.read_ach_file")
def read_ach_file(file_id: str) -> None:
    receiving.go_on(file_id)


@shared_task(name="payments.watch_return_rates")
def watch_return_rates() -> None:
    watching.watch()


@shared_task(name="payments.advance_disbursement")
def advance_disbursement(disbursement_id: str) -> None:
    disbursing.follow(disbursement_id)


@shared_task(name="payments.sweep_disbursements")
def sweep_disbursements() -> None:
    disbursing.sweep()
    disbursing.sweep_issued()


@shared_task(name="payments.sweep_inbound")
def sweep_inbound() -> None:
    inbound.sweep()


@shared_task(name="payments.catch_up")
def catch_up() -> None:
    missed_webhooks.catch_up()


@shared_task(name="payments.emit_sandbox_webhooks")
def emit_sandbox_webhooks() -> None:
    sandbox_webhooks.emit()


@shared_task(name="payments.recovery_step")
def recovery_step(step_id: str) -> None:
    recovery_steps.do(step_id)


@shared_task(name="payments.send_message")
def send_message(message_id: str) -> None:
    messages.send(message_id)


@shared_task(name="payments.sweep_recovery")
def sweep_recovery() -> None:
    recovery_steps.run_due()
    messages.sweep()


@shared_task(name="payments.forewarn")
def forewarn() -> None:
    forewarnings.sweep()
