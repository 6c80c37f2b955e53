using System;
using System.Collections.Generic;

class Block {
    public byte[] Bytes = new byte[10000];
    public Block Other;
}

class Program {
    static void Main(string[] args) {
        string pattern = args[0];
        int blocks = int.Parse(args[1]);
        var ring = new Block[1000];
        var all = new List<Block>();
        for (int i = 0; i < blocks; i++) {
            var block = new Block();
            if (pattern == "ring") ring[i % 1000] = block;
            else if (pattern == "take") all.Add(block);
            else if (pattern == "cycle") {
                block.Other = new Block { Other = block };
                ring[i++ % 1000] = block;
            }
        }
    }
}
