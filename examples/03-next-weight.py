"""Step arithmetic without a framework: where does the split go next? Run: python examples/03-next-weight.py"""

from canarykit import next_weight

weight = 0
walked = []
while (following := next_weight([1, 5, 25, 60], weight)) is not None:
    walked.append(weight := following)
print(walked)
assert walked == [1, 5, 25, 60]
assert next_weight([8, 15, 30], 10) == 15  # an edited list: the next higher step, never a jump to 100
