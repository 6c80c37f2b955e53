const pattern = process.argv[2], blocks = Number(process.argv[3]);
const fresh = () => ({bytes: new Uint8Array(10000).fill(1), other: null});
const ring = new Array(1000).fill(null), all = [];
for (let i = 0; i < blocks; ++i) {
  const block = fresh();
  if (pattern === "ring") ring[i % 1000] = block;
  else if (pattern === "take") all.push(block);
  else if (pattern === "cycle") {
    block.other = fresh();
    block.other.other = block;
    ring[i++ % 1000] = block;
  }
}
