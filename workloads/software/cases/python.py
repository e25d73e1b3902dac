# Objects, exceptions, generators, big integers, files, processes, threads.
import os, sys, time
import _thread

def fib(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a

print(fib(500))
print(sorted({w: len(w) for w in "a quick test of dictionaries and sorting".split()}.items()))
class Shape:
    def __init__(self, n): self.n = n
    def __repr__(self): return f"Shape({self.n})"
    def __lt__(self, o): return self.n < o.n
print(sorted([Shape(3), Shape(1), Shape(2)]), f"{3.14159:8.3f}|{255:#x}|{'ab':>5}")
try:
    {}["missing"]
except KeyError as e:
    print("KeyError", e)
def tree(n): return None if n == 0 else (tree(n - 1), n, tree(n - 1))
def walk(t):
    if t:
        yield from walk(t[0]); yield t[1]; yield from walk(t[2])
print(sum(walk(tree(12))))
sieve = bytearray(b"\1") * 50000
for i in range(2, 224):
    if sieve[i]: sieve[i * i::i] = bytes(len(sieve[i * i::i]))
print(sum(sieve[2:]))
with open("py.out", "w") as f:
    for i in range(2000): f.write(f"{i} {i * i}\n")
with open("py.out") as f:
    print(sum(int(l.split()[1]) for l in f))
os.remove("py.out")
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.write(w, b"from the child"); os._exit(5)
print(os.read(r, 100), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
lock, done, total = _thread.allocate_lock(), [], [0]
def work(n):
    for i in range(200):
        with lock: total[0] += n
    done.append(n)
for n in range(4): _thread.start_new_thread(work, (n,))
while len(done) < 4: time.sleep(0.001)
print(total, sorted(done))
sys.exit(3)
