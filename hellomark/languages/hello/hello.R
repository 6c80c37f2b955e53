text <- readChar("hello.txt", 102400, useBytes = TRUE)
cat(text)
