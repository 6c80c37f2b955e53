import sys

sys.stdout.write(open("hello.txt").read(102400))
