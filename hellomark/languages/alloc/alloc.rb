pattern, blocks = ARGV[0], ARGV[1].to_i
Block = Struct.new(:bytes, :other)
ring, all, i = [nil] * 1000, [], 0
while i < blocks
  block = Block.new("x" * 10000)
  case pattern
  when "ring" then ring[i % 1000] = block
  when "take" then all << block
  when "cycle"
    block.other = Block.new("x" * 10000, block)
    ring[i % 1000] = block
    i += 1
  end
  i += 1
end
