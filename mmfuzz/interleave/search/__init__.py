"""Ways to explore: each is an `Explorer` that is asked for one execution after another."""

from mmfuzz.interleave.search.exhaustive import Exhaustive as Exhaustive
from mmfuzz.interleave.search.sampled import Drawn as Drawn
from mmfuzz.interleave.search.sampled import Pct as Pct
from mmfuzz.interleave.search.sampled import Random as Random
from mmfuzz.interleave.search.sampled import Replay as Replay
from mmfuzz.interleave.search.sampled import Search as Search
