import gc, json, re
print(sum(x * x for x in range(1000)), 2 ** 200, "%.6f" % (1 / 3))
print(json.dumps([1, None, True, "a", {"b": 2.5}]), json.loads('{"k": [1, 2]}')["k"], re.match("(a+)(b*)", "aabb").group(2))
lists = [[i] * 50 for i in range(300)]
del lists
gc.collect()
def g():
    x = yield 1
    yield x * 2
i = g(); print(next(i), i.send(21))
print(sorted(["pear", "fig", "apple"], key=len), bytes(range(5)), {1, 2} | {3})
try:
    raise ValueError("said")
except ValueError as e:
    print("ValueError", e)
