"""Long runs: coverage of states as guide, kept programs, workers, saving what is found."""

from mmfuzz.campaign.driver import Campaign as Campaign
from mmfuzz.campaign.series import Series as Series
