import sys

pattern, blocks = sys.argv[1], int(sys.argv[2])


class Block(object):
    def __init__(self, i):
        self.bytes = bytearray(10000)
        self.other = None


ring, everything, i = [None] * 1000, [], 0
while i < blocks:
    block = Block(i)
    if pattern == "ring":
        ring[i % 1000] = block
    elif pattern == "take":
        everything.append(block)
    elif pattern == "cycle":
        block.other = Block(i)
        block.other.other = block
        ring[i % 1000] = block
        i += 1
    i += 1
