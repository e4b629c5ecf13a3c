"""One campaign on each of several kernels, one after the other, and what they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mmfuzz.campaign.driver import Campaign, Interrupted
from mmfuzz.campaign.settings import Began, Ended, SeriesListener, Settings, Summary
from mmfuzz.profiles import ALL


class Series:
    """Runs `settings` on each of `kernels`: every one has the whole budget, and the same seed."""

    def __init__(self, settings: Settings, kernels: Sequence[str]) -> None:
        self._settings = settings
        self._kernels = tuple(kernels)

    def run(self, listen: SeriesListener) -> list[Summary]:
        """Run them all; a failure ends the run on its kernel only, and Ctrl-C ends the series.

        Returns the summaries of those that were begun: Ctrl-C loses none of them.
        """
        summaries: list[Summary] = []
        for number, kernel in enumerate(self._kernels, 1):
            try:
                listen(Began(kernel, number, len(self._kernels)))
                summary = Campaign(replace(self._settings, kernel=kernel)).run(listen)
            except (KeyboardInterrupt, Interrupted):
                # Between two campaigns, or before the workers of one had begun.
                summary = Summary(self._settings.target, kernel, self._settings.seed, interrupted=True)
            summaries.append(summary)
            listen(Ended(summary))
            if summary.interrupted:
                break
        return summaries


def total(summaries: Sequence[Summary]) -> Summary:
    """All of a series as one run; a state of two kernels counts twice, as it was reached twice."""
    operations: Counter[str] = Counter()
    for summary in summaries:
        operations.update(summary.operations)
    return Summary(
        summaries[0].target,
        ALL,
        summaries[0].seed,
        steps=sum(summary.steps for summary in summaries),
        programs=sum(summary.programs for summary in summaries),
        seconds=sum(summary.seconds for summary in summaries),
        operations=dict(operations),
        states=sum(summary.states for summary in summaries),
        kept=sum(summary.kept for summary in summaries),
        failures=[found for summary in summaries for found in summary.failures],
        interrupted=any(summary.interrupted for summary in summaries),
    )
