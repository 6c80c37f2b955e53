BEGIN { while ((getline line < "hello.txt") > 0) print line }
