puts -nonewline [read [open hello.txt] 102400]
