$stdout.write(File.open("hello.txt").read(102400))
