local pattern, blocks = arg[1], tonumber(arg[2])
local ring, all, i = {}, {}, 0
-- A string that occurs but once is a fresh one.
local function fresh(n) return {bytes = string.rep("x", 9990) .. string.format("%010d", n)} end
while i < blocks do
  local block = fresh(i)
  if pattern == "ring" then ring[i % 1000] = block
  elseif pattern == "take" then all[#all + 1] = block
  elseif pattern == "cycle" then
    block.other = fresh(-i)
    block.other.other = block
    ring[i % 1000] = block
    i = i + 1
  end
  i = i + 1
end
