package main

import "os"

func main() {
	text, err := os.ReadFile("hello.txt")
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.Write(text)
}
