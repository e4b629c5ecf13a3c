"""Bugs that can be planted into the simulated kernel, to show that the checks bite.

Each module below enters its bugs into the catalogue when it is imported.
"""

from mmfuzz.planted import collapsing as collapsing
from mmfuzz.planted import deep as deep
from mmfuzz.planted import devices as devices
from mmfuzz.planted import drivers as drivers
from mmfuzz.planted import faults as faults
from mmfuzz.planted import files as files
from mmfuzz.planted import mapcounts as mapcounts
from mmfuzz.planted import migrating as migrating
from mmfuzz.planted import moving as moving
from mmfuzz.planted import pins as pins
from mmfuzz.planted import races_collapse as races_collapse
from mmfuzz.planted import races_files as races_files
from mmfuzz.planted import races_gup as races_gup
from mmfuzz.planted import races_tails as races_tails
from mmfuzz.planted import ranges as ranges
from mmfuzz.planted import references as references
from mmfuzz.planted import reuse as reuse
from mmfuzz.planted import splitting as splitting
from mmfuzz.planted import swapping as swapping
from mmfuzz.planted import tails as tails
from mmfuzz.planted import zero as zero
from mmfuzz.planted.catalogue import BUGS as BUGS
from mmfuzz.planted.catalogue import RACE as RACE
from mmfuzz.planted.catalogue import Bug as Bug
from mmfuzz.planted.catalogue import known as known
from mmfuzz.planted.catalogue import not_a_race as not_a_race
from mmfuzz.planted.catalogue import plant as plant
from mmfuzz.planted.catalogue import profile_for as profile_for
from mmfuzz.planted.catalogue import profiles_for as profiles_for
from mmfuzz.planted.catalogue import span as span
