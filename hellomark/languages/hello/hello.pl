open(my $file, "<", "hello.txt") or die;
read($file, my $text, 102400);
print $text;
