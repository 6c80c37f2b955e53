io.stdout:write(io.open("hello.txt"):read(102400))
