"""`python -m mmfuzz`: the same as the command `mmfuzz`."""

from mmfuzz.cli import main

main()
