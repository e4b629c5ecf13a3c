"""Bugs that can be planted into the simulated kernel, to show that the checks bite."""

from mmfuzz.planted.catalogue import BUGS as BUGS
from mmfuzz.planted.catalogue import Bug as Bug
from mmfuzz.planted.catalogue import plant as plant
