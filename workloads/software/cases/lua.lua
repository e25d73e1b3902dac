-- Strings, tables, coroutines, garbage, files.
local function hash(s) local h = 5381 for i = 1, #s do h = (h * 33 + s:byte(i)) & 0xffffffff end return h end

local words = {}
for w in ("the quick brown fox jumps over the lazy dog"):gmatch("%a+") do words[#words + 1] = w:upper():reverse() end
table.sort(words)
print(table.concat(words, ","), #words)
print(("x"):rep(10, "-"), ("%5.2f|%-8s|%q|%x"):format(math.pi, "ab", "q\n", 255), ("key=value"):match("(%w+)=(%w+)"))
print(string.pack("<i4>d", 77, 1.5):byte(1, -1))
print(pcall(error, {code = 3}), select(2, pcall(function() return nil + 1 end)))
print(10 // 3, -10 // 3, 10 % -3, 2 ^ 0.5, 1 << 62, math.maxinteger + 1 == math.mininteger, 0x10p2, 1e15, 7 / 2)

local primes, sieve = {}, {}
for i = 2, 20000 do
  if not sieve[i] then primes[#primes + 1] = i for j = i * i, 20000, i do sieve[j] = true end end
end
print(#primes, primes[#primes])

local function permutations(a, n)
  n = n or #a
  if n <= 1 then coroutine.yield(a) else
    for i = 1, n do a[n], a[i] = a[i], a[n] permutations(a, n - 1) a[n], a[i] = a[i], a[n] end
  end
end
local total = 0
for p in coroutine.wrap(function() permutations({1, 2, 3, 4, 5, 6}) end) do total = (total * 31 + p[1] * p[6]) % 1000003 end
print("permutations", total)

local account = setmetatable({}, {__index = function(_, k) return k .. "!" end, __call = function(_, x) return x * 2 end,
                                  __tostring = function() return "account" end, __close = function() print("closed") end})
do local a <close> = account print(a.missing, a(21), tostring(a)) end

local weak = setmetatable({}, {__mode = "v"})
for i = 1, 1000 do weak[i] = {i} end
local kept = weak[500]
collectgarbage() collectgarbage()
local left = 0 for _ in pairs(weak) do left = left + 1 end
print("left after collection", left, kept[1])
for round = 1, 30 do
  local t = {}
  for i = 1, 5000 do t[i] = tostring(i * round) .. "text" end
  if round % 10 == 0 then print(round, hash(table.concat(t))) end
end
collectgarbage("generational")
local deep = nil for i = 1, 50000 do deep = {deep, i} end
local n = 0 while deep do n = n + deep[2] deep = deep[1] end print("list", n)

local f <const> = assert(io.open("lua.out", "w"))
f:setvbuf("full", 777)
for i = 1, 5000 do f:write(i, "\t", i * i, "\n") end
f:close()
local sum, lines = 0, 0
for a, b in io.lines("lua.out", "n", "n") do sum = sum + a - b lines = lines + 1 end
print(lines, sum)
local r = io.open("lua.out", "r+") r:seek("set", 100) r:write("XXXX") r:seek("end", -5) print(r:read("a")) r:close()
print(io.open("missing.txt"))
print(os.date("!%Y-%m-%d %H:%M:%S", 86400 * 365), os.time({year = 2001, month = 9, day = 9, hour = 1}) > 0)
os.exit(7)
