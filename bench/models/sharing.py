"""What processes that work at the same time divide among them: places at an endpoint, and a run's money."""

from __future__ import annotations

from decimal import Decimal

from django.db import models


class Endpoint(models.Model):
    """An address with its key, as providers count calls; the row that processes lock before they divide it."""

    name = models.CharField(max_length=600, unique=True, help_text="Base URL and the name of the key's variable.")
    paused_until = models.DateTimeField(
        null=True, blank=True, help_text="The server asked everybody to wait until then."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Seat(models.Model):
    """How many calls at once one process may have out at one endpoint; free again when its lease ends."""

    executor = models.ForeignKey("bench.Executor", on_delete=models.CASCADE, related_name="seats")
    endpoint = models.ForeignKey("bench.Endpoint", on_delete=models.CASCADE, related_name="seats")
    number = models.PositiveIntegerField(default=0)
    wanted = models.PositiveIntegerField(default=0, help_text="Calls it has to make and could make at once.")
    most = models.PositiveIntegerField(help_text="The limit of the endpoint, as its run has it.")

    class Meta:
        ordering = ["executor", "endpoint"]
        constraints = [models.UniqueConstraint(fields=["executor", "endpoint"], name="bench_seat_once")]

    def __str__(self) -> str:
        return f"{self.number} places of executor {self.executor_id}"


class Purse(models.Model):
    """The part of a run's budget that one process may spend, and what it has spent of it."""

    executor = models.OneToOneField("bench.Executor", on_delete=models.CASCADE, related_name="purse")
    granted_usd = models.DecimalField(max_digits=16, decimal_places=8, default=Decimal(0))
    spent_usd = models.DecimalField(max_digits=16, decimal_places=8, default=Decimal(0))
    granted_calls = models.PositiveIntegerField(default=0)
    spent_calls = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["executor"]

    def __str__(self) -> str:
        return f"purse of executor {self.executor_id}"
