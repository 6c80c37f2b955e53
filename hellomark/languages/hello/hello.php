<?php
fwrite(STDOUT, fread(fopen("hello.txt", "r"), 102400));
