(use-modules (ice-9 binary-ports))
(let ((file (open-input-file "hello.txt" #:binary #t)))
  (put-bytevector (current-output-port) (get-bytevector-n file 102400)))
