package main

import (
	"os"
	"strconv"
)

type Block struct {
	bytes []byte
	other *Block
}

func fresh(i int) *Block {
	bytes := make([]byte, 10000)
	for at := range bytes {
		bytes[at] = byte(i)
	}
	return &Block{bytes: bytes}
}

func main() {
	pattern := os.Args[1]
	blocks, _ := strconv.Atoi(os.Args[2])
	var ring [1000]*Block
	var all []*Block
	for i := 0; i < blocks; i++ {
		block := fresh(i)
		switch pattern {
		case "ring":
			ring[i%1000] = block
		case "take":
			all = append(all, block)
		case "cycle":
			block.other = fresh(i)
			block.other.other = block
			ring[i%1000] = block
			i++
		}
	}
	_ = all
}
