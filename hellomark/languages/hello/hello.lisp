(with-open-file (file "hello.txt")
  (let* ((buffer (make-string 102400))
         (got (read-sequence buffer file)))
    (write-string buffer *standard-output* :end got)))
